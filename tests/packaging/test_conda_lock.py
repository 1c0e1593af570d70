"""conda-lock.yml: of the present conda.yaml, of public packages only, complete."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rattler
import yaml

from throughline.errors import UserError
from throughline.packaging.conda_lock import COMMAND, LOCK, PLATFORMS, SOURCE, check

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / SOURCE).read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the project's two files."""
    for name in (SOURCE, LOCK):
        shutil.copy(PROJECT / name, tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def locked() -> dict[str, list[dict[str, Any]]]:
    """The lock's packages by platform."""
    packages = yaml.safe_load((PROJECT / LOCK).read_text(encoding="utf-8"))["package"]
    return {name: [p for p in packages if p["platform"] == name] for name in PLATFORMS}


def test_the_lock_is_of_the_present_conda_yaml() -> None:
    check(PROJECT)


def test_the_command_line_checks_too() -> None:
    command = [sys.executable, *COMMAND.split()[1:], "--check"]
    assert subprocess.run(command, cwd=PROJECT).returncode == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("python=3.11", "python=3.12"),
        ("  - pip\n", "  - pip\n  - git\n"),
        ("  - pip\n", ""),
        ("[conda-forge]", "[conda-forge, bioconda]"),
        ("openjdk=17", "openjdk=21"),
    ],
)
def test_another_conda_package_or_channel_needs_another_lock(
    folder: Path, before: str, after: str
) -> None:
    assert before in TEXT
    (folder / SOURCE).write_text(TEXT.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(UserError, match=rf"lock them again with {re.escape(COMMAND)}\.$"):
        check(folder)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: throughline", "# a remark\nname: throughline"),
        ("      - -r requirements.txt\n", "      - -r requirements.txt\n      - six\n"),
        ("      - -r requirements.txt\n", ""),
    ],
)
def test_remarks_and_the_pip_section_do_not(folder: Path, before: str, after: str) -> None:
    assert before in TEXT
    (folder / SOURCE).write_text(TEXT.replace(before, after, 1), encoding="utf-8")
    check(folder)


@pytest.mark.parametrize("text", ["", "<<<<<<< HEAD\nversion: 1\n", "metadata: {}\n"])
def test_what_is_no_lock_is_not_of_conda_yaml(folder: Path, text: str) -> None:
    (folder / LOCK).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="lock them again"):
        check(folder)


def test_without_a_lock_it_says_how_to_make_one(folder: Path) -> None:
    (folder / LOCK).unlink()
    with pytest.raises(UserError, match=re.escape(COMMAND)):
        check(folder)


def test_every_package_is_one_of_the_public_channel_with_its_hashes(
    locked: dict[str, list[dict[str, Any]]],
) -> None:
    for platform, packages in locked.items():
        for package in packages:
            assert package["manager"] == "conda"
            channel, subdir, file = package["url"].rsplit("/", 2)
            assert channel == rattler.Channel("conda-forge").base_url.rstrip("/")
            assert subdir in (platform, "noarch")
            assert file.startswith(f"{package['name']}-{package['version']}-")
            assert re.fullmatch("[0-9a-f]{64}", package["hash"]["sha256"])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_a_package_needs_is_locked_too(
    locked: dict[str, list[dict[str, Any]]], platform: str
) -> None:
    versions = {package["name"]: package["version"] for package in locked[platform]}
    assert len(versions) == len(locked[platform])
    for package in locked[platform]:
        for name, spec in package["dependencies"].items():
            if not name.startswith("__"):  # of the system
                assert rattler.VersionSpec(spec or "*").matches(rattler.Version(versions[name]))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_locked_packages_are_those_that_conda_yaml_asks_for(
    locked: dict[str, list[dict[str, Any]]], platform: str
) -> None:
    versions = {package["name"]: package["version"] for package in locked[platform]}
    assert versions["python"].startswith("3.11.")
    assert "pip" in versions
    if platform == "linux-64" or "# [linux]" not in TEXT:
        assert versions["openjdk"].startswith("17.")
