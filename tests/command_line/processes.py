"""The command line as real processes, and the programs of an environment that stand in for it."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
FILES = (
    "__init__.py",
    "__main__.py",
    "command_line/__init__.py",
    "command_line/bootstrap.py",
    "command_line/commands.py",
)


def program(project: Path, name: str, script: str) -> None:
    path = project / ".venv" / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def start(project: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "UV_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "throughline", *arguments],
        cwd=project,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def call(project: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    process = start(project, *arguments, **environment)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err
