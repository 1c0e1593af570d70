"""The environment of a served model in Azure ML: the model's own, and what runs it needs."""

from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from throughline.deployment.served_image import SERVER_PACKAGES

if TYPE_CHECKING:
    from azureml.core import Environment

INFERENCE_SERVER = "azureml-inference-server-http~=1.5"
"""Azure ML's own HTTP server, which runs the entry script."""
BATCH_PACKAGES = ("azureml-core~=1.61", "azureml-dataset-runtime[fuse]~=1.62")
"""What Azure ML's driver of a batch job imports, and mounts its input with."""
_UNPINNED = ("pydantic", "fastapi")
"""Which the server bounds, itself or by what it needs (OpenTelemetry 1.33): with a model's pin of
them pip would find no answer."""

_ARROW = "pyarrow"
"""Built for one major version of numpy: ours goes with our numpy only."""

_DOCKERFILE = """\
FROM {base}
ENV AZUREML_INFERENCE_SERVER_HTTP_ENABLED=true
"""
"""As Microsoft's plugin of MLflow has it: the base image starts the server if this is set."""


def conda_file(files: Path, *more: str) -> dict[str, Any]:
    """The model's ``conda.yaml`` with what the code of this project needs to answer requests.

    Args:
        files: The folder with the model's files.
        more: Requirements that pip is given too.
    """
    found: dict[str, Any] = yaml.safe_load((files / "conda.yaml").read_text(encoding="utf-8"))
    (of_pip,) = [one for one in found["dependencies"] if isinstance(one, dict)]
    has = {_package(requirement) for requirement in of_pip["pip"]}
    needed = [f"{package}=={version(package)}" for package in SERVER_PACKAGES]
    if f"numpy=={version('numpy')}" not in of_pip["pip"]:
        needed = [_ARROW if _package(one) == _ARROW else one for one in needed]
    added = [one for one in (*needed, *more) if _package(one) not in has]
    of_pip["pip"] = [_loosened(one) for one in (*of_pip["pip"], *added)]
    return found


def served_environment(name: str, files: Path) -> "Environment":
    """The environment of a web service.

    Args:
        name: What to call it.
        files: The folder with the model's files.
    """
    from azureml.core.environment import DEFAULT_CPU_IMAGE

    made = _environment(name, conda_file(files, INFERENCE_SERVER))
    made.docker.base_image = None
    made.docker.base_dockerfile = _DOCKERFILE.format(base=DEFAULT_CPU_IMAGE)
    return made


def batch_environment(name: str, files: Path) -> "Environment":
    """The environment of a batch job, on Azure ML's default image.

    Args:
        name: What to call it.
        files: The folder with the model's files.
    """
    return _environment(name, conda_file(files, *BATCH_PACKAGES))


def _environment(name: str, conda: dict[str, Any]) -> "Environment":
    from azureml.core.environment import Environment

    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "conda.yaml"
        path.write_text(yaml.safe_dump(conda), encoding="utf-8")
        return Environment.from_conda_specification(name, str(path))


def _loosened(requirement: str) -> str:
    package = _package(requirement)
    return package if package in _UNPINNED else requirement


def _package(requirement: str) -> str:
    ends = (requirement.find(mark) for mark in "=<>~![; " if mark in requirement)
    return requirement[: min(ends, default=len(requirement))].lower()
