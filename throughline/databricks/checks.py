"""What has to be right before a job is started; each mistake is one sentence."""

import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from throughline.errors import UserError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

_SHARED = ("dbfs:/", "/dbfs/", "/Volumes/")


def check_data_root(data_root: str) -> None:
    """Refuses a data root that a cluster does not reach."""
    if data_root.startswith(_SHARED):
        return
    if "://" in data_root and not data_root.startswith("file:"):
        return
    raise UserError(
        f"The data root {data_root} is on this machine, which a cluster does not reach; give "
        "data_root a place such as dbfs:/throughline, /Volumes/... or abfss://..."
    )


def check_tracking() -> str:
    """Refuses a tracking store that a Spark job does not reach; returns its URI.

    MLflow gives a Spark job the tracking store of its own workspace, whatever it is here.
    """
    import mlflow
    from mlflow.utils.uri import is_databricks_uri

    uri = mlflow.get_tracking_uri()
    if not is_databricks_uri(uri):
        raise UserError(
            f"A job on Databricks cannot reach the tracking store {_without_password(uri)}; set "
            "MLFLOW_TRACKING_URI=databricks."
        )
    return str(uri)


def check_experiment() -> None:
    """Refuses an experiment that a workspace cannot have."""
    if "MLFLOW_RUN_ID" in os.environ or "MLFLOW_EXPERIMENT_ID" in os.environ:
        return
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "")
    if not name.startswith("/"):
        said = f"The experiment {name!r} is no absolute path" if name else "No experiment is named"
        raise UserError(
            f"{said}, and an experiment of a workspace has one; give --experiment-name a path "
            "such as /Shared/throughline."
        )


def check_registry() -> None:
    """Refuses a registry whose models need names of another form than recipes have."""
    import mlflow

    uri = str(mlflow.get_registry_uri())
    if uri.startswith("databricks-uc"):
        raise UserError(
            "The model registry is Unity Catalog, whose names have three parts, and a recipe's "
            "name has one; set MLFLOW_REGISTRY_URI=databricks for the workspace's registry (of a "
            "job that runs alone, in the cluster file's spark_env_vars)."
        )


def open_workspace(tracking_uri: str, seconds: int = 10) -> "WorkspaceClient":
    """Connects to the workspace of a tracking URI, and asks it who is there.

    Args:
        tracking_uri: ``databricks``, or ``databricks://profile``.
        seconds: How long a host may be silent.

    Raises:
        UserError: There is no host or token, the host does not answer as a workspace does, or it
            does not take the token.
    """
    import requests
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.errors import DatabricksError, PermissionDenied, Unauthenticated
    from mlflow.utils.uri import get_db_info_from_uri

    profile, _ = get_db_info_from_uri(tracking_uri)
    named = {"profile": profile} if profile else {}  # a None would hide the environment's
    try:
        asked = WorkspaceClient(
            **named, retry_timeout_seconds=seconds, http_timeout_seconds=seconds
        )
        asked.current_user.me()
        return WorkspaceClient(**named)
    except (PermissionDenied, Unauthenticated) as error:
        raise UserError(
            f"Databricks at {asked.config.host} does not take the token ({_short(error)}); set "
            "DATABRICKS_TOKEN to one that is valid there."
        ) from None
    except (DatabricksError, TimeoutError, requests.RequestException) as error:
        raise UserError(
            f"No Databricks workspace answers at {asked.config.host} ({_short(error)}); set "
            "DATABRICKS_HOST to a workspace's address."
        ) from None
    except ValueError as error:
        raise UserError(
            f"There is no access to Databricks ({_short(error)}); set DATABRICKS_HOST and "
            "DATABRICKS_TOKEN, or name a profile as in MLFLOW_TRACKING_URI=databricks://profile."
        ) from None


def check_parameters(step: str, parameters: Mapping[str, str]) -> None:
    """Refuses what would not arrive whole: a Spark job's command is split at spaces, quotes stay.

    Raises:
        UserError: The first such parameter.
    """
    for name, value in parameters.items():
        if shlex.quote(value) != value:
            raise UserError(
                f"The parameter {name} of {step} is {value!r}, which a job on Databricks would not "
                "get whole; use letters, digits and _ . / : @ = , + - only, or say it in the recipe."
            )


def _short(error: BaseException) -> str:
    """The first line of an error's text, without its end."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].strip().rstrip(".")


def _without_password(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if rest else uri
