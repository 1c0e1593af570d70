"""Versions of a small model in the workspace's registry, good ones and broken ones."""

import pytest

from tests.deployment.saved_model import MODEL, VERSIONS, save_model
from throughline.registry.digest import DIGEST, digest_of


@pytest.fixture(scope="session")
def registered(workspace, tmp_path_factory):
    """The workspace, once the versions are in its registry; version 1 is the champion."""
    import mlflow

    with pytest.MonkeyPatch.context() as patched:
        for name, value in workspace.environment.items():
            patched.setenv(name, value)
        client = mlflow.MlflowClient("databricks", "databricks")
        run = client.create_run(client.create_experiment("/Shared/serving"))
        client.create_registered_model(MODEL)
        for number, config in VERSIONS.items():
            source = f"dbfs:/models/{number}"
            folder = workspace.dbfs.place(source)
            save_model(folder, run.info.run_id, config)
            tags = {DIGEST: digest_of(folder)}
            made = client.create_model_version(MODEL, source, run.info.run_id, tags)
            assert str(made.version) == number
        client.transition_model_version_stage(MODEL, "1", "Production")
    return workspace


@pytest.fixture
def serving(registered, here):
    """The workspace's endpoints, the model's not among them, and this process a client there."""
    found = registered.serving
    found.endpoints.pop(MODEL, None)
    found.skewed.clear()
    found.polls = 2
    return found


@pytest.fixture
def target(serving):
    """The target, which polls without waiting long."""
    from throughline.databricks.serving_target import DatabricksTarget
    from throughline.databricks.workspace import open_workspace

    return DatabricksTarget(open_workspace(), poll_seconds=0.01, limit_seconds=60)


@pytest.fixture
def version():
    """A version of the model, as it is resolved from the registry."""
    from throughline.deployment.target import ModelVersion

    return lambda number: ModelVersion(MODEL, number, "run", f"dbfs:/models/{number}")
