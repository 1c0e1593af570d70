"""The variant for Docker, rendered from the root's MLproject."""

import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.projects import _project_spec

from throughline.errors import UserError
from throughline.packaging.docker import (
    Mount,
    artifact_mounts,
    docker_variant,
    run_arguments,
    tracking_mounts,
)
from throughline.packaging.mlproject import read_project, write_project

PROJECT = Path(__file__).parents[2]


def render(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "throughline.packaging", "docker", str(folder), *options]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


def test_it_has_the_roots_entry_points_in_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    store = f"sqlite:///{tmp_path}/runs/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    MlflowClient(store, store).create_experiment("elsewhere", f"{tmp_path}/elsewhere")
    done = render(tmp_path / "variant", "--image", "mine:1", "--data_root", str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert f"mlflow run {tmp_path}/variant" in done.stdout
    made = _project_spec.load_project(str(tmp_path / "variant"))
    assert made.docker_env["image"] == "mine:1"
    for folder in ("data", "runs", "elsewhere"):
        assert f"{tmp_path}/{folder}:{tmp_path}/{folder}" in made.docker_env["volumes"]
    root = read_project(PROJECT)["entry_points"]
    for name, entry in root.items():
        command = made.get_entry_point(name).compute_command(
            {"table": "t", "output": "o"} if name in ("score", "init") else {}, None
        )
        assert command.split()[:2] == entry["command"].split()[:2]
    assert f"--data_root {tmp_path}/data" in made.get_entry_point("prep").compute_command({}, None)


def test_a_login_of_the_tracking_uri_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ada:secret@host")
    done = render(tmp_path / "variant", "--data_root", str(tmp_path / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: The tracking URI has a login in it")
    assert not (tmp_path / "variant").exists()


def test_another_project_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "MLproject").write_text("name: mine\n")
    done = render(tmp_path, "--data_root", str(tmp_path / "data"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: There is another project in {tmp_path}; give")
    assert (tmp_path / "MLproject").read_text() == "name: mine\n"


def test_a_folder_that_is_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = render(tmp_path / "variant", "--data_root", str(tmp_path / "file"))
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_no_environment_of_the_root_is_left(tmp_path: Path) -> None:
    variant = docker_variant(read_project(PROJECT), "mine", [], {"A": "b"})
    assert list(variant) == ["name", "docker_env", "entry_points"]
    assert variant["docker_env"]["environment"] == [["A", "b"]]
    assert read_project(write_project(variant, tmp_path).parent) == variant


@pytest.mark.parametrize(
    ("uri", "folders"),
    [
        ("sqlite:////there/runs/mlflow.db", ["/there/runs"]),
        ("sqlite:////with%20space/mlflow.db", ["/with space"]),
        ("http://127.0.0.1:5000", []),
        ("databricks", []),
    ],
)
def test_a_database_that_is_a_file_is_mounted_with_its_folder(uri: str, folders: list[str]) -> None:
    assert [str(mount.here) for mount in tracking_mounts(uri)] == folders


@pytest.mark.parametrize(
    ("location", "folders"),
    [
        ("runs/0", ["runs"]),
        ("file:runs/0", ["runs"]),
        ("runs/of-late", ["runs/of-late"]),
        ("mlflow-artifacts:/0", []),
        ("s3://bucket/0", []),
        ("file://another-host/runs/0", []),
        ("/proc/no-folder-can-be-made-here/0", []),
    ],
)
def test_artifacts_that_are_files_are_mounted_with_those_of_other_experiments(
    tmp_path: Path, location: str, folders: list[str]
) -> None:
    place = location.replace("runs", f"{tmp_path}/runs")
    mounts = artifact_mounts([Experiment("0", "late", place, "active")])
    assert [mount.here for mount in mounts] == [tmp_path / folder for folder in folders]
    assert all(mount.here.is_dir() for mount in mounts)


def test_a_server_of_this_machine_is_reached_over_its_network() -> None:
    assert run_arguments("http://localhost:5000")["network"] == "host"
    assert "network" not in run_arguments("https://tracking.example.com")
    assert "network" not in run_arguments("sqlite:////there/mlflow.db")


def test_a_mount_is_written_as_docker_reads_it() -> None:
    assert str(Mount.same(Path("/a"))) == "/a:/a"
    assert str(Mount(Path("/a"), Path("/b"), readonly=True)) == "/a:/b:ro"


def volumes(*mounts: Mount) -> list[str]:
    made: list[str] = docker_variant(read_project(PROJECT), "mine", mounts, {})["docker_env"][
        "volumes"
    ]
    return made


def test_a_folder_that_is_mounted_twice_is_mounted_once_and_may_be_written() -> None:
    reading, writing = Mount.same(Path("/a"), readonly=True), Mount.same(Path("/b/../a"))
    assert volumes(reading, reading) == ["/a:/a:ro"]
    assert volumes(reading, writing) == volumes(writing, reading) == ["/b/../a:/b/../a"]


def test_two_folders_that_a_container_would_see_at_one_place_are_refused() -> None:
    with pytest.raises(UserError, match="/throughline/data.*/a and /throughline/data"):
        volumes(Mount(Path("/a"), Path("/throughline/data")), Mount.same(Path("/throughline/data")))
