"""The project as the folder that Azure ML copies to a cluster of Databricks for each step.

It is a script and an archive of the variant for Databricks: Azure ML uploads, and copies to DBFS,
file by file.
"""

import gzip
import shutil
import tarfile
import tempfile
from pathlib import Path

from throughline.packaging.databricks import pinned, python_libraries, write_databricks

TASK = "azureml_task.py"
"""The script that Azure ML starts; it unpacks the archive and starts the step's own."""
ARCHIVE = "project.tar.gz"
_TRACKING = "azureml-mlflow"


def write_azureml(root: Path, folder: Path, recipe: Path) -> str:
    """Writes the folder, with what the steps need and no more; the same each time, byte for byte.

    Args:
        root: The project.
        folder: Where to write; it is empty.
        recipe: A recipe to take along, where it is none of the project's.

    Returns:
        How a step names the recipe.

    Raises:
        UserError: If the recipe is not there, or one of the project has its name.
    """
    with tempfile.TemporaryDirectory() as made:
        variant = write_databricks(root, Path(made), [recipe])
        _pack(variant, folder / ARCHIVE)
    shutil.copy(root / "databricks" / TASK, folder / TASK)
    return f"recipes/{recipe.name}"


def step_libraries(root: Path) -> list[str]:
    """The pins that a cluster installs: those of a job on Databricks, and Azure ML's tracking."""
    return [*python_libraries(root), f"{_TRACKING}=={pinned(root)[_TRACKING]}"]


def _pack(folder: Path, target: Path) -> None:
    """Packs the files of a folder; times and owners would make another archive of the same."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
        tarfile.open(mode="w", fileobj=zipped) as archive,
    ):
        for file in files:
            entry = tarfile.TarInfo(str(file.relative_to(folder)))
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                archive.addfile(entry, content)
