"""Extras of the environment, installed beside it for the tests that need them."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def install(requirements: str, folder: Path) -> Path:
    """Installs the packages of a requirements file of the project in a folder; returns it."""
    return _install(["-r", requirements], folder, {})


def install_horovod(folder: Path, **parts: str) -> Path:
    """Builds Horovod with further parts and installs it in a folder; takes minutes."""
    return _install([str(PROJECT / "packaging/horovod")], folder, parts)


def make_environment(needed: Sequence[str], found: Path, folder: Path) -> Path:
    """Makes an environment of its own; returns its Python.

    Args:
        needed: The requirements.
        found: A file with the versions that are to be taken for them, and for what they need.
        folder: Where it is to be.
    """
    python = folder / "bin" / "python"
    _uv(["venv", "--python", sys.executable, str(folder)], {})
    _uv(["pip", "install", "--python", str(python), "--constraints", str(found), *needed], {})
    return python


def _install(what: Sequence[str], folder: Path, environment: dict[str, str]) -> Path:
    _uv(["pip", "install", "--no-deps", "--target", str(folder), *what], environment)
    return folder


def _uv(arguments: Sequence[str], environment: dict[str, str]) -> None:
    said = {**os.environ, **environment}
    if "PIP_FIND_LINKS" in said:  # uv reads none of pip's settings
        said.setdefault("UV_FIND_LINKS", said["PIP_FIND_LINKS"])
    command = [sys.executable, "-m", "uv", *arguments, "--quiet"]
    made = subprocess.run(command, env=said, capture_output=True, text=True, cwd=PROJECT)
    assert made.returncode == 0, made.stderr
