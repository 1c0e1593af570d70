"""Environments of an installation: below ``envs`` in its folder, packages in ``pkgs``."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rattler
import yaml
from rattler.shell import ActivationVariables, Shell, activate

SECTIONS = {"name", "channels", "dependencies"}


class CondaError(Exception):
    """What conda reports on stderr, with exit code 1."""


def prefixes(root: Path) -> list[Path]:
    """The environments' folders."""
    return sorted(folder.parent for folder in root.glob("envs/*/conda-meta"))


def existing(root: Path, name: str) -> Path:
    """The folder of an environment that is there."""
    prefix = root / "envs" / name
    if prefix not in prefixes(root):
        raise CondaError(f"EnvironmentNameNotFound: Could not find conda environment: {name}")
    return prefix


def create(root: Path, name: str, file: Path) -> None:
    """Makes an environment from a file. If pip fails, what was installed stays, as with conda."""
    prefix = root / "envs" / name
    if prefix in prefixes(root):
        raise CondaError(f"CondaValueError: prefix already exists: {prefix}")
    stated = yaml.safe_load(file.read_text(encoding="utf-8"))
    if unknown := set(stated) - SECTIONS:
        raise CondaError(f"sections this look-alike does not know: {sorted(unknown)}")
    specs = [item for item in stated["dependencies"] if isinstance(item, str)]
    others = [item for item in stated["dependencies"] if not isinstance(item, str)]
    if any(set(item) != {"pip"} for item in others):
        raise CondaError(f"dependencies this look-alike does not know: {others}")
    platform = str(rattler.Subdir.current())
    detected = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    records = asyncio.run(solve(root, stated["channels"], specs, platform, detected))
    asyncio.run(
        rattler.install(records, prefix, cache_dir=root / "pkgs", execute_link_scripts=True)
    )
    for item in others:
        _pip(prefix, item["pip"], file.parent)


def remove(root: Path, name: str) -> None:
    """Deletes an environment."""
    shutil.rmtree(existing(root, name))


def activation(prefix: Path) -> str:
    """The lines of shell that activate an environment, its packages' own among them."""
    variables = ActivationVariables(os.environ.get("CONDA_PREFIX"))
    return str(activate(prefix, variables, Shell.bash).script)


async def solve(
    root: Path, channels: Sequence[str], specs: Sequence[str], platform: str, virtual: Sequence[Any]
) -> list[Any]:
    """Finds the packages; a channel's name is looked up below the ``channel_alias`` of .condarc."""
    settings = yaml.safe_load((root / ".condarc").read_text(encoding="utf-8"))
    alias = settings["channel_alias"].rstrip("/") + "/"
    config = rattler.ChannelConfig(channel_alias=alias)
    return await rattler.solve(
        [rattler.Channel(channel, config) for channel in channels],
        [rattler.MatchSpec(spec) for spec in specs],
        platforms=[platform, "noarch"],
        virtual_packages=virtual,
    )


def record(found: Any) -> dict[str, Any]:
    """A package as ``conda create --dry-run --json`` shows it."""
    return {
        "name": found.name.normalized,
        "version": str(found.version),
        "build_string": str(found.build),
        "depends": list(found.depends),
        "fn": found.file_name,
        "url": found.url,
        "md5": found.md5.hex(),
        "sha256": found.sha256.hex(),
    }


def _pip(prefix: Path, requirements: Sequence[str], folder: Path) -> None:
    """The pip section: in the activated environment, from a file beside conda.yaml, as conda."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="condaenv.", suffix=".requirements.txt", dir=folder
    ) as file:
        file.write("\n".join(requirements))
        file.flush()
        script = f'{activation(prefix)}\nexec python -m pip install -U -r "$0" --exists-action=b'
        if subprocess.run(["bash", "-c", script, file.name], cwd=folder).returncode:
            raise CondaError("CondaEnvException: Pip failed")
