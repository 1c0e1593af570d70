"""``mlflow run`` with each environment manager, which really makes the environment.

The copies of the project differ from it in their conda.yaml: the pip section holds what the step
imports, at the same pins.
"""

import platform
import shutil
import subprocess
from pathlib import Path

import mlflow
import pytest

from tests.packaging.conftest import Copy

STEP = ("-e", "deploy", "-P", "action=status")


def asks_for_the_endpoint(copy: Copy, manager: str, **variables: str) -> None:
    """Runs a step that imports MLflow, looks for an endpoint and writes its run."""
    result = copy.mlflow_run(*STEP, "--env-manager", manager, **variables)
    assert result.returncode == 0, result.stdout
    assert "running: nothing" in result.stdout
    (run, *_) = mlflow.MlflowClient(copy.store).search_runs(["0"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["throughline.step"] == "deploy"
    assert run.data.tags["mlflow.project.env"] == manager


@pytest.mark.slow
def test_conda(copy: Copy, conda_home: Path) -> None:
    asks_for_the_endpoint(copy, "conda", MLFLOW_CONDA_HOME=str(conda_home))
    (prefix,) = conda_home.glob("envs/mlflow-*")
    installed = {path.name.split("-")[0] for path in (prefix / "conda-meta").glob("*.json")}
    assert installed == {"openjdk", "pip", "python"}


@pytest.mark.slow
def test_uv(copy: Copy) -> None:
    asks_for_the_endpoint(copy, "uv")


@pytest.mark.slow
def test_virtualenv(copy: Copy) -> None:
    version = platform.python_version()
    if not shutil.which("pyenv"):
        pytest.skip("there is no pyenv")
    installed = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True)
    if version not in installed.stdout.split():
        pytest.skip(f"pyenv has no Python {version}")
    copy.change("python=3.11", f"python={version}")  # else it compiles its newest 3.11
    asks_for_the_endpoint(copy, "virtualenv")
