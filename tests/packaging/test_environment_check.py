"""Which environment managers can be used is known before a step starts."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from throughline.chain.backend import BackendOptions, open_backend
from throughline.errors import UserError
from throughline.packaging.conda_lock import LOCK, SOURCE
from throughline.packaging.environments import MANAGERS, check_env_manager

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("MLFLOW_CONDA_HOME", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def program(path: Path) -> None:
    path.touch(mode=0o755)


def test_local_needs_nothing() -> None:
    check_env_manager("local", PROJECT)


@pytest.mark.parametrize(("manager", "tool"), [("uv", "uv"), ("virtualenv", "pyenv")])
def test_a_manager_needs_its_program(manager: str, tool: str, programs: Path) -> None:
    with pytest.raises(UserError, match=f"{manager} was chosen and there is no {tool}"):
        check_env_manager(manager, PROJECT)
    program(programs / tool)
    check_env_manager(manager, PROJECT)


def test_conda_is_looked_for_where_mlflow_does(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="no conda was found"):
        check_env_manager("conda", PROJECT)
    program(programs / "conda")
    with pytest.raises(UserError, match="set MLFLOW_CONDA_HOME"):  # to activate with
        check_env_manager("conda", PROJECT)
    program(programs / "activate")
    check_env_manager("conda", PROJECT)
    monkeypatch.setenv("MLFLOW_CONDA_HOME", str(programs.parent / "nowhere"))
    with pytest.raises(UserError, match="no conda was found"):
        check_env_manager("conda", PROJECT)
    monkeypatch.setenv("MLFLOW_CONDA_HOME", str(programs.parent))
    (programs / "activate").unlink()
    check_env_manager("conda", PROJECT)


def test_conda_is_refused_while_the_lock_is_of_other_packages(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs / "conda")
    monkeypatch.setenv("CONDA_EXE", str(programs / "conda"))
    shutil.copy(PROJECT / LOCK, tmp_path)
    text = (PROJECT / SOURCE).read_text(encoding="utf-8")
    (tmp_path / SOURCE).write_text(text.replace("openjdk=17", "openjdk=21"), encoding="utf-8")
    with pytest.raises(UserError, match="lock them again"):
        check_env_manager("conda", tmp_path)


def test_an_unknown_manager_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="'mamba': choose one of local, virtualenv, uv, conda") as e:
        check_env_manager("mamba", PROJECT)
    assert all(name in str(e.value) for name in MANAGERS)


def test_a_chain_and_the_command_line_ask_too() -> None:
    with pytest.raises(UserError, match="'mamba'"):
        open_backend(BackendOptions("local", "none", "mamba", "data"), recipe=None)
    command = [sys.executable, "-m", "throughline.packaging.environments", "mamba"]
    result = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("error: There is no environment manager 'mamba'")
    assert result.stderr.count("\n") == 1
