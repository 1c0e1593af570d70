"""Lays the look-alike out as MLflow expects a conda installation: its MLFLOW_CONDA_HOME."""

import shlex
import sys
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[3]
PROGRAM = (
    "import sys, pathlib; sys.path.insert(0, sys.argv[1]); "
    "from tests.emulators.conda.command import run; "
    "run(pathlib.Path(sys.argv[2]), sys.argv[3:])"
)


def install(root: Path, channel_alias: str) -> Path:
    """Writes ``bin/conda``, ``etc/profile.d/conda.sh`` and ``.condarc``.

    Args:
        root: The folder to make.
        channel_alias: The URL below which channels are looked up by name.

    Returns:
        The program ``bin/conda``.
    """
    call = shlex.join([sys.executable, "-I", "-c", PROGRAM, str(PROJECT), str(root)])
    program = root / "bin" / "conda"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {call} "$@"\n')
    program.chmod(0o755)
    hook = root / "etc" / "profile.d" / "conda.sh"
    hook.parent.mkdir(parents=True)
    path = shlex.quote(str(program))
    hook.write_text(
        f"export CONDA_EXE={path}\n"
        "conda() {\n"
        '    if [ "$1" != activate ]; then "$CONDA_EXE" "$@"; return; fi\n'
        '    lines="$("$CONDA_EXE" shell.posix "$@")" && eval "$lines"\n'
        "}\n"
    )
    (root / ".condarc").write_text(yaml.safe_dump({"channel_alias": channel_alias}))
    return program
