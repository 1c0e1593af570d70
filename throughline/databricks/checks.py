"""What has to be right before a job is started; each mistake is one sentence."""

import os
import shlex
from collections.abc import Mapping

from throughline.errors import UserError
from throughline.login import without_login

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


def check_tracking() -> None:
    """Refuses a tracking store that a Spark job does not reach.

    MLflow gives a Spark job the tracking store of its own workspace, whatever it is here.
    """
    import mlflow
    from mlflow.utils.uri import is_databricks_uri

    uri = mlflow.get_tracking_uri()
    if not is_databricks_uri(uri):
        raise UserError(
            f"A job on Databricks cannot reach the tracking store {without_login(uri)}; set "
            "MLFLOW_TRACKING_URI=databricks."
        )
    if uri != "databricks":
        raise UserError(
            f"The tracking URI {uri} names a profile, and the steps' jobs need the same workspace; "
            "set MLFLOW_TRACKING_URI=databricks and the profile as DATABRICKS_CONFIG_PROFILE."
        )


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


def check_parameters(step: str, parameters: Mapping[str, str]) -> None:
    """Refuses what would not arrive whole: a Spark job's command is split at spaces, quotes stay.

    Raises:
        UserError: The first such parameter.
    """
    for name, value in parameters.items():
        if shlex.quote(value) != value:
            raise UserError(
                f"The parameter {name} of {step} is {value!r}, which a job on Databricks would not "
                "get whole; use letters, digits and _ . / : @ = , + -, or say it in the recipe."
            )
