"""A version of MLflow's registry as a model of an Azure ML workspace."""

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.deployment.target import ModelVersion
from throughline.registry.digest import digest_of

if TYPE_CHECKING:
    from azureml.core import Model, Workspace

_PREFIX = "throughline."
_DIGEST = f"{_PREFIX}digest"


def model_name(name: str) -> str:
    """What the workspace calls the copies of a registered model.

    It is another name than the model's own: a workspace's MLflow registry and its models are one,
    and a copy would count as a new version there.
    """
    return f"{re.sub(r'[^A-Za-z0-9._-]', '-', name).lstrip('-._')[:240]}-served"


def tags_of(version: ModelVersion) -> dict[str, str]:
    """What tells of a thing in the workspace which version it is, or serves."""
    told = {"model": version.name, "version": version.version}
    told |= {"run_id": version.run_id, "source": version.source}
    return {f"{_PREFIX}{key}": value for key, value in told.items() if value}


def version_in(tags: dict[str, str] | None) -> ModelVersion | None:
    """The version that tags tell of; None if they tell of none."""
    found = {k.removeprefix(_PREFIX): v for k, v in (tags or {}).items() if k.startswith(_PREFIX)}
    if not {"model", "version"} <= found.keys():
        return None
    more = found.get("run_id", ""), found.get("source", "")
    return ModelVersion(found["model"], found["version"], *more)


def registered_copy(workspace: "Workspace", version: ModelVersion, files: Path) -> "Model":
    """The version as a model of the workspace: the one that is there already, or a new one.

    Args:
        workspace: The workspace.
        version: The version.
        files: The folder with its files.
    """
    from azureml.core import Model

    name, tags = model_name(version.name), {**tags_of(version), _DIGEST: digest_of(files)}
    asked = [[_DIGEST, tags[_DIGEST]]]
    for found in Model.list(workspace, name=name, tags=asked, expand=False):
        if tags.items() <= (found.tags or {}).items():
            return found
    with contextlib.chdir(files.parent):  # the SDK takes no folder but one below this
        return Model.register(workspace, files.name, name, tags=tags)
