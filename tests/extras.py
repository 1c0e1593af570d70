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


def _install(what: Sequence[str], folder: Path, environment: dict[str, str]) -> Path:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    command += ["--target", str(folder), *what]
    said = {**os.environ, **environment}
    if "PIP_FIND_LINKS" in said:  # uv reads none of pip's settings
        said.setdefault("UV_FIND_LINKS", said["PIP_FIND_LINKS"])
    made = subprocess.run(command, env=said, capture_output=True, text=True, cwd=PROJECT)
    assert made.returncode == 0, made.stderr
    return folder
