"""When the environment is made, and what stops that or makes it needless."""

import ast
import fcntl
import importlib.util
import os
import sys
import time
from pathlib import Path

import pytest

from tests.command_line.processes import FILES, PROJECT, call, program, start
from throughline.command_line import bootstrap


@pytest.mark.parametrize("name", FILES)
def test_needs_nothing_but_the_standard_library(name: str) -> None:
    tree = ast.parse((PROJECT / "throughline" / name).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                for alias in node.names}  # fmt: skip
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    allowed = sys.stdlib_module_names | (
        set() if name == "command_line/bootstrap.py" else {"throughline"}
    )
    assert {module.split(".")[0] for module in imported} <= allowed


def test_without_a_compiler_nothing_is_made(project: Path) -> None:
    code, _, err = call(project, "run", PATH=str(project), CXX="")
    assert code == 2
    assert len(err.splitlines()) == 1 and "C++ compiler" in err
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("name", ["c++", "g++", "clang++"])
def test_any_compiler_will_do(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch(mode=0o755)
    (tmp_path / "make").touch(mode=0o755)
    assert bootstrap.missing_tool({"PATH": str(tmp_path)}) is None


def test_a_users_own_environment_is_never_removed(project: Path) -> None:
    mine = project / ".venv" / "pyvenv.cfg"
    mine.parent.mkdir()
    mine.touch()
    code, _, err = call(project, "run")
    assert code == 2 and "not made by this command" in err
    assert mine.exists()


def test_the_stamp_is_stale_after_any_change(ready: Path) -> None:
    venv = ready / ".venv"
    assert bootstrap.is_fresh(venv, ready)
    for name in ("requirements.lock", "requirements-dev.txt", "packaging/horovod/cxx17.cmake"):
        before = (ready / name).read_text()
        (ready / name).write_text(before + "\n")
        assert not bootstrap.is_fresh(venv, ready), name
        (ready / name).write_text(before)
    assert bootstrap.is_fresh(venv, ready)
    moved = ready.rename(ready.with_name("moved"))
    assert not bootstrap.is_fresh(moved / ".venv", moved)


def test_an_interrupted_build_is_not_fresh_and_is_ours(ready: Path) -> None:
    (ready / ".venv" / bootstrap.STAMP).write_text(bootstrap.UNFINISHED)
    assert not bootstrap.is_fresh(ready / ".venv", ready)
    bootstrap._check_before(ready / ".venv", os.environ)  # does not refuse


def test_two_at_once_build_one_environment(project: Path) -> None:
    with (project / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(project, "run")
        assert process.stderr is not None
        assert "waiting for another process" in process.stderr.readline()
        (project / ".venv" / "bin").mkdir(parents=True)
        program(project, "mlflow", "echo ran")
        (project / "mlflow.db").touch()
        (project / ".venv" / bootstrap.STAMP).write_text(bootstrap.digest(project))
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "ran\n", "")


def test_a_finished_environment_costs_next_to_nothing(ready: Path) -> None:
    program(ready, "mlflow", "exit 0")
    started = time.monotonic()
    assert call(ready, "run")[0] == 0
    assert time.monotonic() - started < 2  # 0.1 s on an idle core


def test_pips_settings_are_passed_to_uv() -> None:
    config = ":env:.find-links='/x'\nglobal.find-links='/a /b'\nglobal.index-url='file:///c'\n"
    assert bootstrap.uv_settings({}) == {}
    assert bootstrap.uv_settings({}, config) == {
        "UV_FIND_LINKS": "/a,/b",
        "UV_DEFAULT_INDEX": "file:///c",
    }
    mine = {"PIP_FIND_LINKS": "/d", "UV_DEFAULT_INDEX": "file:///e", "PIP_INDEX_URL": "file:///f"}
    assert bootstrap.uv_settings(mine, config) == {"UV_FIND_LINKS": "/d"}


def test_the_locked_uv_is_taken_with_its_hashes() -> None:
    lock = "uvicorn==1\nuv==2 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\nwheel==3\n"
    assert bootstrap.locked(lock, "uv") == (
        "uv==2 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n"
    )
    real = bootstrap.locked((PROJECT / "requirements.lock").read_text(encoding="utf-8"), "uv")
    assert real.count("--hash=sha256:") > 3


def test_the_packages_are_compiled() -> None:
    """Looked at in a module that nothing here imports, so that no import has compiled it."""
    (mlflow,) = importlib.util.find_spec("mlflow").submodule_search_locations
    compiled = importlib.util.cache_from_source(f"{mlflow}/gateway/providers/cohere.py")
    assert Path(compiled).is_file()
