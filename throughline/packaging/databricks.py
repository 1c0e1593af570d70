"""The project as a Spark job of Databricks: the kind whose steps reach the cluster's session."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from throughline.errors import UserError
from throughline.packaging.databricks_runtime import ITS_OWN, OF_NO_USE, SHIPPED
from throughline.packaging.mlproject import (
    FILE,
    Project,
    read_project,
    with_data_root,
    with_environment,
    write_project,
)

KIND = "databricks_spark_job"
DATA_ROOT = "dbfs:/throughline"
FOLDERS = ("steps", "throughline", "recipes")
"""What a run needs; MLflow uploads all that lies in the folder."""


def write_databricks(root: Path, folder: Path, recipes: Sequence[Path] = ()) -> Path:
    """Writes the variant, with copies of what its runs need and no more.

    Args:
        root: The project.
        folder: Where to write; an earlier variant there is replaced.
        recipes: More recipes than the project's own, copied beside them.

    Returns:
        The folder.

    Raises:
        UserError: If something else is in the folder, or a recipe is not there.
    """
    for recipe in recipes:
        _content(recipe)  # before what is there is removed
    _clear(folder)
    write_project(databricks_variant(read_project(root), python_libraries(root)), folder)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name, ignore=ignored)
    for recipe in recipes:
        add_recipe(folder, recipe)
    return folder


def databricks_variant(project: Project, libraries: Sequence[str]) -> Project:
    """The project whose entry points run as Spark jobs, without those that are no Python script.

    Args:
        project: The root's MLproject.
        libraries: The packages that a cluster installs before a run.
    """
    spark_job = {"python_libraries": list(libraries)}
    scripts = {
        name: entry
        for name, entry in project["entry_points"].items()
        if entry["command"].startswith("python ")
    }
    variant = with_environment({**project, "entry_points": scripts}, KIND, spark_job)
    return with_data_root(variant, DATA_ROOT)


def python_libraries(root: Path) -> list[str]:
    """The pins of the direct dependencies that a cluster lacks or has in another version.

    numpy comes first: a cluster installs one after the other, and to what comes before its pin
    pip would give the newest.
    """
    pins = pinned(root)
    wanted = [name for name in direct(root) if name not in ITS_OWN | OF_NO_USE]
    wanted = [name for name in wanted if SHIPPED.get(name) != pins[name]]
    return [f"{name}=={pins[name]}" for name in sorted(wanted, key=lambda name: name != "numpy")]


def direct(root: Path) -> list[str]:
    """The names in requirements.in, in alphabetical order."""
    from packaging.requirements import Requirement

    return sorted(Requirement(line).name for line in _lines(root / "requirements.in"))


def pinned(root: Path) -> dict[str, str]:
    """The versions in requirements.txt by name."""
    from packaging.requirements import Requirement

    found = [Requirement(line) for line in _lines(root / "requirements.txt")]
    return {one.name: next(iter(one.specifier)).version for one in found}


def add_recipe(folder: Path, recipe: Path) -> str:
    """Copies a recipe into the variant, and returns how a step there names it.

    Raises:
        UserError: If it is not there, or another recipe of that name is in the variant.
    """
    name, content = f"recipes/{recipe.name}", _content(recipe)
    target = folder / name
    if target.exists() and target.read_bytes() != content:
        raise UserError(
            f"The recipe {recipe} would take the place of the project's own {name}; give it "
            "another name."
        )
    target.write_bytes(content)
    return name


def _content(recipe: Path) -> bytes:
    try:
        return recipe.read_bytes()
    except OSError as error:
        raise UserError(f"The recipe {recipe} cannot be read: {error.strerror}.") from None


def _lines(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in lines if line]


def _clear(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        if not (folder / FILE).is_file() or KIND not in read_project(folder):
            raise UserError(
                f"There is something else in {folder}; give an empty folder, or one of an earlier "
                "variant for Databricks."
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
