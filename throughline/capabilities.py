"""What the tracking server and the registry can do: each is asked once, whatever its name.

Azure ML's server, and MLflow's own before version 3, have no logged models: models are artifacts of
their runs there. Azure ML's has no aliases either, and takes other conditions in searches.
Source: "Query and compare experiments and runs with MLflow", of Azure ML's documentation.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

_NOBODY = "throughline-asks-what-there-is"


def has_logged_models() -> bool:
    """Whether the tracking server has logged models, which MLflow 3 brought.

    Raises:
        MlflowException: It does not answer.
    """
    import mlflow

    return _has_logged_models(mlflow.get_tracking_uri())


def has_aliases() -> bool:
    """Whether the registry has aliases, which MLflow 2.3 brought.

    Raises:
        MlflowException: It does not answer.
    """
    import mlflow

    return _has_aliases(mlflow.get_registry_uri())


def tagged(tag: str) -> str:
    """The condition of a search that a run has a tag; Azure ML has no ``!=`` for tags."""
    return f"tags.`{tag}` != ''" if has_logged_models() else f"tags.`{tag}` LIKE '%'"


def in_status(status: str) -> str:
    """The condition of a search that a run has a status; Azure ML writes them as ``Finished``."""
    compared = "=" if has_logged_models() else "ILIKE"
    return f"attributes.status {compared} '{status}'"


@cache
def _has_logged_models(tracking_uri: str) -> bool:
    import mlflow

    client = mlflow.MlflowClient(tracking_uri)
    return _has_endpoint(lambda: client.search_logged_models(["0"], max_results=1))


@cache
def _has_aliases(registry_uri: str) -> bool:
    import mlflow

    client = mlflow.MlflowClient(registry_uri=registry_uri)
    return _has_endpoint(lambda: client.get_model_version_by_alias(_NOBODY, "champion"))


def _has_endpoint(ask: Callable[[], Any]) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        ask()
    except MlflowException as error:
        if error.error_code == "ENDPOINT_NOT_FOUND":
            return False
        if error.error_code in ("INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "UNAUTHENTICATED"):
            raise  # who does not answer may have it
    return True
