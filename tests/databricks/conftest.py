"""A workspace on this machine, and a small recipe whose chain runs there."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import mlflow
import pytest

from tests.emulators.databricks.workspace import Workspace, running_workspace

PROJECT = Path(__file__).parents[2]
CLUSTER = {
    "spark_version": "15.4.x-cpu-ml-scala2.12",
    "node_type_id": "Standard_DS3_v2",
    "num_workers": 2,
    "spark_env_vars": {"MLFLOW_REGISTRY_URI": "databricks", "THROUGHLINE_SPARK_MEMORY": "1g"},
}
DATA_ROOT = "/Volumes/main/ml/throughline"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace; a request that it does not know fails the tests."""
    folder = tmp_path_factory.mktemp("workspace")
    with running_workspace(folder) as made:
        yield made
        assert not made.server.unknown
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace, which this process tracks to during a test."""
    for name, value in workspace.environment.items():
        monkeypatch.setenv(name, value)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("databricks")  # the registry is that of the environment, for the test
    yield workspace
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def environment(workspace: Workspace) -> dict[str, str]:
    """What a user of the workspace has in the environment."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quick = {"THROUGHLINE_POLL_SECONDS": "0.2", "GIT_PYTHON_REFRESH": "quiet"}
    return {**os.environ, **workspace.environment, **quick, "PATH": programs}


@pytest.fixture(scope="session")
def run(environment: Mapping[str, str]) -> Run:
    """Runs a command of the project's folder, as a user of the workspace."""

    def start(*command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, cwd=PROJECT, env={**environment, **more}, capture_output=True, text=True
        )

    return start


@pytest.fixture(scope="session")
def cluster_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "cluster.json"
    path.write_text(json.dumps(CLUSTER))
    return path


def text_of(workspace: Workspace) -> str:
    """All that the workspace was sent or printed, but for the header that carries the token."""
    sent = [f"{r.path}?{dict(r.query)}\n{r.body!r}" for r in workspace.server.requests]
    printed = [workspace.jobs.log(n) for n, run in workspace.jobs.runs.items() if run.process]
    return "\n".join(sent + printed)
