"""A workspace of Azure ML on this machine, and what its user has in the environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

from tests.emulators.azureml.workspace import Workspace, running_workspace

PROJECT = Path(__file__).parents[2]
_FOREIGN = (
    "AZURE",
    "MLFLOW_",
    "MSI_",
    "IDENTITY_",
    "THROUGHLINE_AZURE",
    "HTTP",
    "http",
    "no_",
    "NO_",
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace; a request that it does not know fails the tests."""
    folder = tmp_path_factory.mktemp("workspace")
    with running_workspace(folder) as made:
        yield made
        assert not made.cloud.unknown
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def workspace(running: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace, to which this process's network leads during a test; nobody is logged in."""
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        monkeypatch.delenv(name)
    for name, value in running.network.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))  # no az of this machine
    monkeypatch.setattr(running.cloud, "unreachable", ())
    for name in ("identity", "lifetime", "ended"):
        monkeypatch.setattr(running.directory, name, getattr(running.directory, name))
    return running


@pytest.fixture
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace, to which this process tracks as a service principal during a test."""
    for name, value in workspace.principal.items():
        monkeypatch.setenv(name, value)
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", workspace.tracking.address)
    mlflow.set_tracking_uri(workspace.tracking.address)
    yield workspace
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def run(running: Workspace) -> Run:
    """Runs a command of the project's folder, as a service principal of the workspace."""
    kept = {name: v for name, v in os.environ.items() if not name.startswith(_FOREIGN)}
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quick = {"GIT_PYTHON_REFRESH": "quiet", "THROUGHLINE_SPARK_MEMORY": "1g"}

    def start(*command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        environment = {**kept, **quick, "PATH": programs, **running.network, **running.principal}
        return subprocess.run(
            command,
            cwd=PROJECT,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    return start
