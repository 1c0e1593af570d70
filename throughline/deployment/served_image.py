"""A registered model as an image: what it needs, its files and the server, nothing else."""

import hashlib
import os
import re
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from throughline.checkout import PACKAGE, project_root
from throughline.deployment.target import ModelVersion
from throughline.errors import UserError

if TYPE_CHECKING:
    from docker import DockerClient

DOCKERFILE = Path(__file__).with_name("served.Dockerfile")
SERVER_PACKAGES = ("fastapi", "uvicorn", "psutil", "requests", "pyarrow")
"""What the server needs besides what the model does."""
PIP_SETTINGS = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS")


def build_image(engine: "DockerClient", model: ModelVersion, files: Path) -> str:
    """Builds the image of a model version, and returns its name.

    Args:
        engine: The engine.
        model: The version.
        files: The folder with its files.

    Raises:
        UserError: If a step of the build fails.
    """
    from docker.errors import APIError, BuildError

    name = image_name(model)
    with tempfile.TemporaryDirectory() as folder:
        write_context(Path(folder), files)
        arguments = {"MODEL_URI": model.uri, **pip_settings(os.environ)}
        try:
            engine.images.build(path=folder, tag=name, buildargs=arguments, rm=True)
        except (APIError, BuildError) as error:
            raise UserError(
                f"The image {name} could not be built: {_last_words(error)}; the settings of pip "
                f"that reach a build are {', '.join(PIP_SETTINGS)} with addresses."
            ) from None
    return name


def image_name(model: ModelVersion) -> str:
    """The image's name for a version, another one for every other model."""
    return f"{docker_name(model.name)}:{model.version}"


def docker_name(name: str) -> str:
    """A model's name as Docker takes it; what had to be changed is told apart by a digest."""
    kept = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    digest = "" if kept == name else f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"throughline-{kept}{digest}".replace("--", "-")


def write_context(folder: Path, files: Path) -> None:
    """Writes what the build reads; the packages stand apart, so that Docker keeps their layer."""
    shutil.copy(DOCKERFILE, folder / "Dockerfile")
    shutil.copytree(files, folder / "model")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(project_root() / PACKAGE, folder / "server" / PACKAGE, ignore=ignored)
    needed = (files / "requirements.txt").read_text(encoding="utf-8").splitlines()
    needed += [f"{package}=={version(package)}" for package in SERVER_PACKAGES]
    (folder / "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf-8")
    shutil.copy(project_root() / "requirements.txt", folder / "constraints.txt")


def pip_settings(environment: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """The settings of pip that mean the same in a build: addresses, not folders."""
    return {
        name: environment[name]
        for name in PIP_SETTINGS
        if urlsplit(environment.get(name, "")).scheme in ("http", "https")
    }


def _last_words(error: Exception) -> str:
    lines = [line.get("stream", "") for line in getattr(error, "build_log", ())]
    said = [line.strip() for line in lines if line and line.strip()]
    return " | ".join([*said[-3:], str(error).splitlines()[0]])
