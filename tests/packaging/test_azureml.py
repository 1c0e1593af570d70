"""The folder that Azure ML copies to a cluster."""

import tarfile
from pathlib import Path

import pytest

from throughline.errors import UserError
from throughline.packaging.azureml import step_libraries, write_azureml
from throughline.packaging.databricks import pinned, python_libraries

PROJECT = Path(__file__).parents[2]
FLIGHTS = PROJECT / "recipes/flights.yaml"


def written(folder: Path, recipe: Path = FLIGHTS) -> bytes:
    folder.mkdir()
    assert write_azureml(PROJECT, folder, recipe) == f"recipes/{recipe.name}"
    return (folder / "project.tar.gz").read_bytes()


def test_it_is_small_and_the_same_each_time(tmp_path: Path) -> None:
    first = written(tmp_path / "first")
    assert len(first) < 900_000
    with tarfile.open(tmp_path / "first/project.tar.gz") as archive:
        tops = {name.partition("/")[0] for name in archive.getnames()}
    assert tops == {"MLproject", "steps", "throughline", "recipes"}
    assert {path.name for path in (tmp_path / "first").iterdir()} == {
        "azureml_task.py",
        "project.tar.gz",
    }
    assert written(tmp_path / "again") == first


def test_a_recipe_of_ones_own_comes_along(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("name: mine\n")
    written(tmp_path / "sent", recipe)
    with tarfile.open(tmp_path / "sent/project.tar.gz") as archive:
        (entry,) = [e for e in archive.getmembers() if e.name == "recipes/mine.yaml"]
        content = archive.extractfile(entry)
        assert content and content.read() == b"name: mine\n"


def test_a_recipe_that_is_not_there_or_hides_another_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sent").mkdir()
    with pytest.raises(UserError, match="cannot be read"):
        write_azureml(PROJECT, tmp_path / "sent", tmp_path / "none.yaml")
    other = tmp_path / "flights.yaml"
    other.write_text("name: other\n")
    with pytest.raises(UserError, match="give it another name"):
        write_azureml(PROJECT, tmp_path / "sent", other)


def test_a_cluster_installs_what_a_job_does_and_the_tracking_of_azure_ml() -> None:
    *others, last = step_libraries(PROJECT)
    assert others == python_libraries(PROJECT)
    assert last == f"azureml-mlflow=={pinned(PROJECT)['azureml-mlflow']}"
