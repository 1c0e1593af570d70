"""What a container of a step sees of this machine."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import ExecutionException

from throughline.chain.docker import LOGINS, DockerBackend, check_mounts, env_file
from throughline.errors import UserError
from throughline.packaging.docker import Mount
from throughline.packaging.mlproject import read_project
from throughline.step import ERROR_FILE


def test_a_path_with_a_blank_is_refused() -> None:
    check_mounts([Mount.same(Path("/plain"))])
    with pytest.raises(UserError, match="The folder /with a blank has a blank in its path"):
        check_mounts([Mount.same(Path("/plain")), Mount.same(Path("/with a blank"))])


def test_the_logins_of_this_shell_reach_a_container_by_a_file_that_only_its_user_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in LOGINS:
        monkeypatch.delenv(name, raising=False)
    assert env_file(tmp_path) is None
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "only=here")
    monkeypatch.setenv("AZUREML_ARM_WORKSPACE_NAME", "late")
    path = env_file(tmp_path)
    assert path is not None and path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == "AZURE_CLIENT_SECRET=only=here\nAZUREML_ARM_WORKSPACE_NAME=late\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[None]:
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs/mlflow.db")
    (tmp_path / "runs").mkdir()
    yield
    mlflow.set_tracking_uri(before)


def test_the_mistake_that_a_container_tells_is_the_chains(
    monkeypatch: pytest.MonkeyPatch, store: None
) -> None:
    """MLflow's call of Docker is left out: the container is this function."""

    def run(uri: str, docker_args: dict[str, object], **_: object) -> None:
        variables = dict(read_project(Path(uri))["docker_env"]["environment"])
        volumes = read_project(Path(uri))["docker_env"]["volumes"]
        told = Path(variables[ERROR_FILE])
        assert f"{told.parent}:{told.parent}" in volumes
        told.write_text("The table is gone.")
        raise ExecutionException("Run (ID 'x') failed")

    monkeypatch.setattr("mlflow.projects.run", run)
    with pytest.raises(UserError, match=r"^The table is gone\.$"):
        DockerBackend("throughline", ()).run("prep", {"recipe": "recipes/wine.yaml"})


@pytest.mark.parametrize("uri", ["https://ada:secret@host", "postgresql://ada:secret@host/runs"])
def test_a_tracking_uri_with_a_login_is_refused(
    uri: str, monkeypatch: pytest.MonkeyPatch, store: None
) -> None:
    monkeypatch.setattr("mlflow.projects.run", lambda *_, **__: pytest.fail("Docker was called"))
    mlflow.set_tracking_uri(uri)
    with pytest.raises(UserError, match="set MLFLOW_TRACKING_USERNAME and") as found:
        DockerBackend("throughline", ()).run("prep", {})
    assert "secret" not in str(found.value)
