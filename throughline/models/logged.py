"""Models in a run and in the registry, on every kind of server.

Where the server has logged models, MLflow logs and registers them. Elsewhere a model is a folder
among its run's artifacts, and is registered by that folder's address.
"""

import re
import tempfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from throughline.capabilities import has_logged_models

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

_IN_RUN = re.compile(r"([^/]+)/artifacts/[^/]+$")


def log_model(flavor: ModuleType, name: str, *model: Any, **options: Any) -> str:
    """Logs a model in the active run.

    Args:
        flavor: MLflow's module of the kind of model, as ``mlflow.xgboost``.
        name: The model's name in the run.
        model: The model, if the flavor takes it so.
        options: More arguments, of both ``log_model`` and ``save_model`` of the flavor.

    Returns:
        Its URI, from which it can be loaded.
    """
    if has_logged_models():
        # the Spark flavor has no other word for the name yet
        word = "artifact_path" if flavor.__name__ == "mlflow.spark" else "name"
        return str(flavor.log_model(*model, **{word: name}, **options).model_uri)
    return _log_as_artifacts(flavor, name, *model, **options)


def register_model(uri: str, name: str) -> "ModelVersion":
    """Registers a logged model.

    Args:
        uri: What :func:`log_model` returned.
        name: The registered model, which is made if it is not there.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    inside = _IN_RUN.search(uri)
    if has_logged_models() or not inside:
        return mlflow.register_model(uri, name)
    client = mlflow.MlflowClient()
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
            raise
    return client.create_model_version(name, uri, run_id=inside[1])


def _log_as_artifacts(flavor: ModuleType, name: str, *model: Any, **options: Any) -> str:
    import mlflow
    from mlflow.models import Model

    active = mlflow.active_run()
    if active is None:
        raise RuntimeError("a model is logged in an active run")
    described = Model(artifact_path=name, run_id=active.info.run_id)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / name)
        flavor.save_model(*model, path=path, mlflow_model=described, **options)
        mlflow.log_artifacts(path, name)
    return f"{active.info.artifact_uri}/{name}"
