"""What a container of a step sees of this machine."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest
from mlflow.exceptions import ExecutionException
from mlflow.projects.backend.local import _get_docker_command

from throughline.chain.docker import (
    LOGINS,
    DockerBackend,
    check_mounts,
    env_file,
    table_mounts,
)
from throughline.errors import UserError
from throughline.packaging.docker import Mount
from throughline.packaging.mlproject import read_project
from throughline.recipe.recipe import Recipe
from throughline.recipe.source import Source
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


def test_databricks_whose_token_mlflow_would_log_is_refused(
    monkeypatch: pytest.MonkeyPatch, store: None
) -> None:
    monkeypatch.setattr("mlflow.projects.run", lambda *_, **__: pytest.fail("Docker was called"))
    mlflow.set_tracking_uri("databricks")
    with pytest.raises(UserError, match="would log the token of Databricks"):
        DockerBackend("throughline", ()).run("prep", {})


@pytest.mark.parametrize(
    "artifacts", ["s3://bucket/runs", "wasbs://runs@account.blob.core.windows.net/here"]
)
def test_no_secret_is_in_the_command_that_mlflow_logs(
    artifacts: str, monkeypatch: pytest.MonkeyPatch, store: None
) -> None:
    """MLflow's own command, for a run whose artifacts are in a bucket."""
    secrets = ("AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_CONNECTION_STRING")
    key = "DefaultEndpointsProtocol=https;AccountName=account;AccountKey=c2VjcmV0;"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    for name in secrets:
        monkeypatch.setenv(name, key)
    experiment = mlflow.create_experiment("in a bucket", artifacts)
    commands, files = [], []

    def run(uri: str, docker_args: dict[str, Any], **_: object) -> None:
        image = SimpleNamespace(tags=["throughline"])
        commands.append(_get_docker_command(image, mlflow.active_run(), docker_args))
        files.append(Path(docker_args["env-file"]).read_text())
        raise ExecutionException("enough")

    monkeypatch.setattr("mlflow.projects.run", run)
    with mlflow.start_run(experiment_id=experiment), pytest.raises(RuntimeError, match="enough"):
        DockerBackend("throughline", ()).run("prep", {"recipe": "recipes/wine.yaml"})
    assert "c2VjcmV0" not in " ".join(commands[0])
    assert all(f"{name}={key}" in files[0] for name in secrets)
    assert all(os.environ[name] == key for name in secrets)


def test_a_container_is_ended_with_its_chain(monkeypatch: pytest.MonkeyPatch, store: None) -> None:
    names: list[str] = []
    stopped: list[str] = []

    class Containers:
        def list(self, filters: dict[str, str], **_: object) -> list[SimpleNamespace]:
            stop = partial(stopped.append, filters["name"])
            return [SimpleNamespace(status="running", stop=stop)] if names else []

    def run(uri: str, docker_args: dict[str, Any], **_: object) -> None:
        names.append(docker_args["name"])
        raise SystemExit(143)

    engine = SimpleNamespace(containers=Containers())
    monkeypatch.setattr("throughline.chain.docker.docker_engine", lambda: engine)
    monkeypatch.setattr("mlflow.projects.run", run)
    with pytest.raises(SystemExit):
        DockerBackend("throughline", ()).run("prep", {"recipe": "recipes/wine.yaml"})
    assert stopped == names


def test_two_chains_have_a_project_each(monkeypatch: pytest.MonkeyPatch, store: None) -> None:
    folders: list[Path] = []

    def run(uri: str, **_: object) -> SimpleNamespace:
        assert (Path(uri) / "MLproject").is_file()
        folders.append(Path(uri))
        return SimpleNamespace(run_id="x")

    monkeypatch.setattr("mlflow.projects.run", run)
    for _ in range(2):
        DockerBackend("throughline", ()).run("prep", {"recipe": "recipes/wine.yaml"})
    assert folders[0] != folders[1]
    assert not any(folder.exists() for folder in folders)


def test_a_recipe_beside_the_tracking_database_is_mounted_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: None
) -> None:
    """Docker refuses a folder that is mounted twice."""
    volumes: list[str] = []

    def run(uri: str, **_: object) -> SimpleNamespace:
        volumes.extend(read_project(Path(uri))["docker_env"]["volumes"])
        return SimpleNamespace(run_id="x")

    monkeypatch.setattr("mlflow.projects.run", run)
    runs = tmp_path / "runs"
    mounts = (Mount.same(runs), Mount.same(runs, readonly=True))
    DockerBackend("throughline", mounts).run("prep", {"recipe": f"{runs}/recipe.yaml"})
    assert [volume for volume in volumes if str(runs) in volume] == [f"{runs}:{runs}"]


@pytest.mark.parametrize(
    ("table", "mounts"),
    [
        ("data/late.parquet", ["data:data"]),
        ("data/*.parquet", ["data:data"]),
        ("data/19[78]?/*/late.parquet", ["data:data"]),
        ("late.parquet", ["late.parquet:late.parquet"]),
        ("./late.parquet", ["late.parquet:late.parquet"]),
        ("day-*.csv", ["day-1.csv:day-1.csv", "day-2.csv:day-2.csv"]),
        ("data", ["data:data"]),
        ("absent.parquet", []),
        ("absent/late.parquet", []),
        ("sample:vega_datasets/flights", []),
        ("s3://bucket/late.parquet", []),
    ],
)
def test_a_table_is_mounted_and_no_folder_hides_the_images(
    table: str, mounts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("late.parquet", "day-1.csv", "day-2.csv", "data/late.parquet"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    recipe = Recipe.model_construct(source=Source(table=table))
    here, there = f"{tmp_path}/", "/throughline/"
    wanted = [f"{here}{mount.replace(':', f':{there}')}:ro" for mount in mounts]
    assert sorted(map(str, table_mounts(recipe))) == wanted
    absolute = Recipe.model_construct(source=Source(table=f"{tmp_path}/data/*.parquet"))
    assert [str(mount) for mount in table_mounts(absolute)] == [f"{here}data:{here}data:ro"]
