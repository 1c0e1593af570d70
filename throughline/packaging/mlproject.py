"""The MLproject file as data: every variant is the root's, with another environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

FILE = "MLproject"
ENVIRONMENTS = ("conda_env", "python_env", "docker_env", "databricks_spark_job")

Project = dict[str, Any]


def read_project(folder: Path) -> Project:
    """Reads a folder's MLproject."""
    project: Project = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
    return project


def with_environment(project: Project, kind: str, environment: Any) -> Project:
    """The project with this environment, and no other.

    Args:
        project: The project.
        kind: One of ``ENVIRONMENTS``.
        environment: What MLproject says of it.
    """
    rest = {name: value for name, value in project.items() if name not in ENVIRONMENTS}
    return {"name": rest.pop("name"), kind: environment, **rest}


def with_data_root(project: Project, data_root: str) -> Project:
    """The project whose entry points take ``data_root`` for their tables unless told otherwise."""
    entry_points = {
        name: {
            **entry,
            "parameters": {
                parameter: {**_typed(kind), "default": data_root}
                if parameter == "data_root"
                else kind
                for parameter, kind in entry.get("parameters", {}).items()
            },
        }
        for name, entry in project["entry_points"].items()
    }
    return {**project, "entry_points": entry_points}


def write_project(project: Project, folder: Path) -> Path:
    """Writes the MLproject of a folder, which is made if it is not there, and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    path.write_text(yaml.safe_dump(project, sort_keys=False, width=100), encoding="utf-8")
    return path


def _typed(kind: str | Mapping[str, object]) -> dict[str, object]:
    return {"type": kind} if isinstance(kind, str) else dict(kind)
