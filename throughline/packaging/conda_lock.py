"""Locks the conda packages of ``conda.yaml``, and finds a lock that is no longer of it.

``python -m throughline.packaging.conda_lock`` solves for each platform with conda-lock, which uv
keeps in an environment of its own, and needs conda (or mamba) and its channel. With ``--check``
nothing is solved: conda-lock has written into the lock the hash of what it was given.

The pip section is left out, since ``requirements.lock`` locks that.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from throughline.checkout import project_root
from throughline.command_line.bootstrap import uv_settings
from throughline.errors import UserError
from throughline.step import run_step

PLATFORMS = ("linux-64", "osx-arm64")
SOURCE = "conda.yaml"
LOCK = "conda-lock.yml"
TOOL = "conda-lock==4.0.3"
COMMAND = "python -m throughline.packaging.conda_lock"


def conda_part(text: str) -> str:
    """What conda-lock is given: ``conda.yaml`` without its pip section and comments.

    The text is cut, not parsed: a comment may be conda-lock's selector of a platform, which only
    its line holds.

    Args:
        text: The text of ``conda.yaml``.

    Returns:
        The text of an environment file that also names the platforms.
    """
    kept = [f"platforms: [{', '.join(PLATFORMS)}]"]
    pip_indent = None
    for line in text.splitlines():
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        if pip_indent is not None and indent > pip_indent:
            continue
        pip_indent = indent if content.startswith("- pip:") else None
        if pip_indent is None:
            kept.append(line.rstrip())
    return "\n".join(kept) + "\n"


def check(project: Path) -> None:
    """Compares ``conda.yaml`` with the hash in the lock.

    Args:
        project: The project's root.

    Raises:
        UserError: If there is no lock, or it was made from other conda packages.
    """
    source, lock = project / SOURCE, project / LOCK
    if not lock.is_file():
        raise UserError(f"There is no {lock}: make it with {COMMAND}.")
    given = hashlib.sha256(conda_part(source.read_text(encoding="utf-8")).encode()).hexdigest()
    if _recorded(lock.read_text(encoding="utf-8")) != given:
        raise UserError(
            f"The conda packages in {source} are not those that {lock} was made from: lock them "
            f"again with {COMMAND}."
        )


def _recorded(lock: str) -> str | None:
    """The hash that the text of a lock holds; None if that is no lock, after a merge say."""
    try:
        recorded: str = yaml.safe_load(lock)["metadata"]["inputs_metadata"][SOURCE]["sha256"]
    except (yaml.YAMLError, KeyError, TypeError):
        return None
    return recorded


def lock(project: Path, conda: str | None = None) -> None:
    """Solves for all platforms and writes the lock; the old one stays if that fails.

    Args:
        project: The project's root.
        conda: The program that solves; None lets conda-lock look for mamba or conda.

    Raises:
        UserError: If uv is missing, or conda-lock failed, which prints why.
    """
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise UserError("uv was not found, which fetches conda-lock: install it.")
    with tempfile.TemporaryDirectory() as folder:
        source, made, names = (Path(folder, name) for name in (SOURCE, LOCK, "no-names.json"))
        source.write_text(conda_part((project / SOURCE).read_text(encoding="utf-8")), "utf-8")
        names.write_text("{}", "utf-8")  # of pip packages at conda-forge; it would be downloaded
        command = [uv, "tool", "run", "--from", TOOL, "conda-lock", "lock", "--file", str(source)]
        command += ["--lockfile", str(made), "--pypi_to_conda_lookup_file", names.as_uri()]
        command += ["--metadata", "input_sha", "--metadata", "input_md5", "--without-cuda"]
        command += ["--conda", conda] if conda else []
        environment = {**os.environ, **uv_settings(os.environ)}
        if code := subprocess.run(command, env=environment, check=False).returncode:
            raise UserError(
                f"conda-lock ended with code {code} and said why above; {project / LOCK} is as it "
                "was: mend that and lock again."
            )
        shutil.copyfile(made, project / LOCK)


def main() -> None:
    """Parses the arguments, then locks or checks."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Locks conda.yaml's conda packages.")
    parser.add_argument("--check", action="store_true", help="only compare conda.yaml and the lock")
    parser.add_argument("--conda", help="the conda or mamba to solve with; else one is looked for")
    arguments = parser.parse_args()
    if arguments.check:
        check(project_root())
    else:
        lock(project_root(), arguments.conda)


if __name__ == "__main__":
    run_step(main)
