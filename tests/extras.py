"""Extras of the environment, installed beside it for the tests that need them."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]


def install(requirements: str, folder: Path) -> Path:
    """Installs the packages of a requirements file of the project in a folder; returns it."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps"]
    command += ["--target", str(folder), "-r", requirements]
    made = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    assert made.returncode == 0, made.stderr
    return folder
