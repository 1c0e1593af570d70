"""The bundle's files as the command line of Databricks would read them, without a workspace."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
BUNDLE = ROOT / "databricks.yml"
JOB = ROOT / "databricks/job.yml"


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def job(**values: str) -> dict[str, Any]:
    """The job with its references resolved.

    Args:
        values: Those of variables that are not to be the bundle's defaults, and of
            ``workspace.file_path`` under ``file_path``.
    """
    known = {"workspace.file_path": values.pop("file_path", "/Workspace/files")}
    for name, variable in read(BUNDLE)["variables"].items():
        known[f"var.{name}"] = values.pop(name, variable["default"])
    assert not values, f"no such variables: {sorted(values)}"
    found = _resolved(read(JOB)["resources"]["jobs"]["throughline"], known)
    return dict(found)


def references(text: str) -> set[str]:
    """What a text refers to, as in ``${var.node_type}``."""
    return set(re.findall(r"\$\{([\w.]+)\}", text))


def _resolved(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [_resolved(inner, known) for inner in value]
    if isinstance(value, str):
        return re.sub(r"\$\{([\w.]+)\}", lambda match: known[match[1]], value)
    return value
