"""An empty registry of MLflow's own, and a model with versions in it."""

import shutil
from collections.abc import Callable

import mlflow
import pytest

NAME = "late"


@pytest.fixture
def store(empty_store, tmp_path, monkeypatch) -> mlflow.MlflowClient:
    """The client of an empty store, which the code under test finds too."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    yield mlflow.MlflowClient(uri, uri)
    mlflow.set_tracking_uri(before)


@pytest.fixture
def versions(store, tmp_path) -> Callable[[int], None]:
    """Registers so many versions of the model ``NAME``."""

    def make(count: int) -> None:
        store.create_registered_model(NAME)
        for number in range(1, count + 1):
            store.create_model_version(NAME, (tmp_path / f"model-{number}").as_uri())

    return make


@pytest.fixture
def stage(store) -> Callable[[str], str]:
    """The stage of a version of the model ``NAME``."""
    return lambda version: store.get_model_version(NAME, version).current_stage
