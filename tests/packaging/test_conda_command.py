"""The conda look-alike: what it refuses, and that what it makes is real."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.emulators.conda.command import main


def conda(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([home / "bin" / "conda", *arguments], capture_output=True, text=True)


def small(folder: Path) -> Path:
    """An environment file of Python, Java and pip."""
    file = folder / "conda.yaml"
    packages = ("python=3.11", "openjdk=17", "pip")
    lines = ["name: x", "channels: [conda-forge]", "dependencies:", *(f"- {p}" for p in packages)]
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("install", "-n", "x", "python"),
        ("env", "export"),
        ("env", "create", "-n", "x", "--file", "conda.yaml", "--solver", "classic"),
        ("env", "create", "-n", "x"),
        ("remove", "--name", "x", "--yes"),
        ("shell.posix", "deactivate"),
        ("create", "--prefix", "x", "python"),
    ],
)
def test_what_it_does_not_know_it_refuses(
    tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="^2$"):
        main(tmp_path, arguments)
    assert "usage: conda" in capsys.readouterr().err


@pytest.mark.slow
def test_an_environment_is_made_listed_activated_and_removed(
    conda_home: Path, tmp_path: Path
) -> None:
    made = conda(conda_home, "env", "create", "-n", "x", "--file", str(small(tmp_path)))
    assert made.returncode == 0, made.stderr
    prefix = conda_home / "envs" / "x"
    listed = json.loads(conda(conda_home, "env", "list", "--json").stdout)["envs"]
    assert listed[0] == str(conda_home)
    assert str(prefix) in listed
    assert conda(conda_home, "env", "create", "-n", "x", "--file", "conda.yaml").returncode == 1

    asked = """source "$0"; conda activate x; which python pip java
        python -c "import sys, ssl, sqlite3; print(sys.prefix, sys.base_prefix)"
        pip --version; "$JAVA_HOME/bin/java" -version 2>&1"""
    hook = str(conda_home / "etc" / "profile.d" / "conda.sh")
    shown = subprocess.run(["bash", "-c", asked, hook], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    *programs, own, version, java = shown.stdout.splitlines()[:6]
    assert programs == [str(prefix / "bin" / name) for name in ("python", "pip", "java")]
    assert own == f"{prefix} {prefix}"
    assert str(prefix) in version
    assert 'version "17.' in java

    assert conda(conda_home, "remove", "--yes", "--name", "x", "--all").returncode == 0
    assert not prefix.exists()


def test_what_cannot_be_is_said_with_code_1(conda_home: Path, tmp_path: Path) -> None:
    file = small(tmp_path)
    file.write_text(file.read_text().replace("python=3.11", "python=2.7"))
    refused = conda(conda_home, "env", "create", "-n", "x", "--file", str(file))
    assert refused.returncode == 1 and "python" in refused.stderr
    assert conda(conda_home, "remove", "--yes", "--name", "x", "--all").returncode == 1
    assert conda(conda_home, "shell.posix", "activate", "x").returncode == 1
