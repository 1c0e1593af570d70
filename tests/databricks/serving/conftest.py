"""Versions of a small model in the workspace's registry, good ones and broken ones."""

from pathlib import Path

import pytest

MODEL = "late-test"
VERSIONS = {
    "1": {"shift": -1.0},
    "2": {"shift": 1.0},
    "3": {"shift": 0.0, "dies": True},
}
LATE_MODEL = Path(__file__).parents[2] / "deployment" / "late_model.py"


@pytest.fixture(scope="session")
def registered(workspace, tmp_path_factory):
    """The workspace, once the versions are in its registry; version 1 is the champion."""
    import mlflow
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns = [
        ("string", "carrier", True),
        ("long", "distance", True),
        ("double", "wind", False),
        ("datetime", "time_hour", False),
    ]
    inputs = Schema([ColSpec(kind, name, required=must) for kind, name, must in columns])
    hour = pd.Timestamp("2013-10-01T05:00:00")
    example = pd.DataFrame(
        {"carrier": ["UA", "AA"], "distance": [1400, 200], "wind": [3.5, None], "time_hour": hour}
    )
    with pytest.MonkeyPatch.context() as patched:
        for name, value in workspace.environment.items():
            patched.setenv(name, value)
        client = mlflow.MlflowClient("databricks", "databricks")
        run = client.create_run(client.create_experiment("/Shared/serving"))
        client.create_registered_model(MODEL)
        for number, config in VERSIONS.items():
            source = f"dbfs:/models/{number}"
            mlflow.pyfunc.save_model(
                str(workspace.dbfs.place(source)),
                mlflow_model=mlflow.models.Model(run_id=run.info.run_id),
                python_model=str(LATE_MODEL),
                signature=ModelSignature(inputs=inputs),
                input_example=example,
                model_config=config,
                pip_requirements=["mlflow"],
            )
            made = client.create_model_version(MODEL, source, run.info.run_id)
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
