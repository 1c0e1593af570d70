"""The README's two commands, from outside: real processes, in a copy of the files they need.

Building a real environment takes minutes and a network; the test run itself stands in one that
was built so. Here a stand-in environment with a valid stamp shows what happens around it.
"""

import ast
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from throughline import bootstrap, commands

PROJECT = Path(__file__).resolve().parents[1]
FILES = ("__init__.py", "__main__.py", "bootstrap.py", "commands.py")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder without an environment, with a blank in its path."""
    root = tmp_path / "a project"
    (root / "throughline").mkdir(parents=True)
    for name in FILES:
        shutil.copy(PROJECT / "throughline" / name, root / "throughline")
    for name in ("requirements.lock", "requirements-dev.txt"):
        shutil.copy(PROJECT / name, root)
    shutil.copytree(PROJECT / "packaging", root / "packaging")
    return root


@pytest.fixture
def ready(project: Path) -> Path:
    """The project with an environment that counts as finished; its programs come per test."""
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / bootstrap.STAMP).write_text(bootstrap.digest(project))
    (project / "mlflow.db").touch()
    return project


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


@pytest.mark.parametrize("name", FILES)
def test_needs_nothing_but_the_standard_library(name: str) -> None:
    tree = ast.parse((PROJECT / "throughline" / name).read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                for alias in node.names}  # fmt: skip
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    allowed = sys.stdlib_module_names | (set() if name == "bootstrap.py" else {"throughline"})
    assert {module.split(".")[0] for module in imported} <= allowed


def test_run_calls_mlflow_in_the_environment(ready: Path) -> None:
    program(ready, "mlflow", 'echo "$@"; pwd; command -v mlflow; env')
    code, out, _ = call(ready, "run", "-P", "rows=10", MLFLOW_TRACKING_URI="")
    command, folder, path, *environment = out.splitlines()
    assert code == 0
    assert command == "run . --env-manager local --experiment-name throughline -P rows=10"
    assert folder == str(ready)
    assert path == str(ready / ".venv/bin/mlflow")
    assert f"MLFLOW_TRACKING_URI=sqlite:///{ready}/mlflow.db" in environment


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        (["--env-manager", "uv"], {}, ["--experiment-name", "throughline"]),
        (["--env-manager=conda"], {}, ["--experiment-name", "throughline"]),
        (["--experiment-id", "3"], {}, ["--env-manager", "local"]),
        (["--experiment-name=x"], {}, ["--env-manager", "local"]),
        ([], {"MLFLOW_EXPERIMENT_NAME": "x"}, ["--env-manager", "local"]),
        ([], {"MLFLOW_EXPERIMENT_ID": "3"}, ["--env-manager", "local"]),
    ],
)
def test_what_the_user_chose_is_left_alone(
    options: list[str], environment: dict[str, str], expected: list[str]
) -> None:
    command = commands.mlflow_command(options, environment)
    assert command == ["mlflow", "run", ".", *expected, *options]


def test_a_tracking_uri_of_the_user_is_honoured(tmp_path: Path) -> None:
    mine = {"MLFLOW_TRACKING_URI": "databricks", "PATH": "/bin", "PYTHONHOME": "/elsewhere"}
    environment = commands.run_environment(mine, tmp_path / ".venv" / "bin")
    assert environment["MLFLOW_TRACKING_URI"] == "databricks"
    assert environment["PATH"] == f"{tmp_path}/.venv/bin:/bin"
    assert "PYTHONHOME" not in environment


def test_the_users_mistake_is_the_last_line_and_ends_with_2(ready: Path) -> None:
    program(ready, "mlflow", 'printf "no column x" > "$THROUGHLINE_ERROR_FILE"; exit 1')
    code, _, err = call(ready, "run")
    assert code == 2
    assert err.splitlines()[-1] == "throughline: error: no column x"


def test_a_bug_keeps_mlflows_exit_code(ready: Path) -> None:
    program(ready, "mlflow", "echo Traceback >&2; exit 1")
    assert call(ready, "run") == (1, "", "Traceback\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_reaches_the_child_which_may_end_in_order(
    ready: Path, number: signal.Signals, code: int
) -> None:
    child = (
        "import signal, sys\n"
        "end = lambda *_: sys.exit(print('cleaned up'))\n"
        "signal.signal(signal.SIGINT, end), signal.signal(signal.SIGTERM, end)\n"
        "print('started', flush=True), signal.pause()"
    )
    # like mlflow, the shell in between does not pass a signal on to what it started
    program(ready, "mlflow", f'trap "" INT TERM; "{sys.executable}" -c "{child}"; exit 1')
    process = start(ready, "run")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "cleaned up\n")


def test_test_runs_every_check_and_stops_at_the_first_failure(ready: Path) -> None:
    for name in ("ruff", "lint-imports", "pytest"):
        program(ready, name, f'echo {name} "$@"')
    program(ready, "mypy", "echo mypy; exit 3")
    code, out, _ = call(ready, "test")
    assert (code, out) == (3, "ruff check\nruff format --check\nmypy\n")
    program(ready, "mypy", "echo mypy")
    assert call(ready, "test")[1].splitlines()[2:] == ["mypy", "lint-imports", "pytest"]


def test_test_with_arguments_runs_only_pytest(ready: Path) -> None:
    program(ready, "pytest", 'echo "$@"; exit 5')
    assert call(ready, "test", "-k", "a b")[:2] == (5, "-k a b\n")


def test_help_builds_nothing(project: Path) -> None:
    code, out, _ = call(project, "--help")
    assert code == 0
    assert "throughline run" in out and "throughline test" in out
    assert not (project / ".venv").exists()


def other_python(project: Path, path: Path) -> "subprocess.CompletedProcess[str]":
    """The command line under a Python that says it is 3.9."""
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 1); sys.argv = ['throughline', 'run', '-h']; "
        "runpy.run_module('throughline', run_name='__main__', alter_sys=True)"
    )
    return subprocess.run(
        [sys.executable, "-c", pretend],
        cwd=project,
        env={"PATH": str(path), "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
    )


def test_another_python_hands_over_to_3_11(project: Path, tmp_path: Path) -> None:
    (tmp_path / "python3.11").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "python3.11").chmod(0o755)
    assert other_python(project, tmp_path).stdout == "-m throughline run -h\n"


def test_another_python_alone_is_refused(project: Path, tmp_path: Path) -> None:
    result = other_python(project, tmp_path)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "throughline: error: Python 3.11 is needed and this is 3.9: "
        "install python3.11 so that it is on PATH."
    ]


def test_the_command_line_parses_on_an_old_python() -> None:
    source = (PROJECT / "throughline" / "__main__.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))
    assert " | " not in source and "list[" not in source


def test_an_unknown_command_is_refused(project: Path) -> None:
    code, _, err = call(project, "rnu")
    assert code == 2
    assert "'rnu'" in err and "run or test" in err


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


def test_the_first_run_makes_the_tracking_database_in_one_piece(ready: Path) -> None:
    (ready / "mlflow.db").unlink()
    program(ready, "mlflow", '[ "$1" = run ] || echo half > mlflow.db.new; echo "$@"; exit $DB')
    code, out, err = call(ready, "run", DB="3", MLFLOW_TRACKING_URI="")
    assert (code, out) == (1, "")
    assert "database could not be made" in err.splitlines()[-1]
    assert not (ready / "mlflow.db").exists()
    code, out, _ = call(ready, "run", DB="0", MLFLOW_TRACKING_URI="")
    assert code == 0 and out.startswith("run . ")
    assert (ready / "mlflow.db").exists()


def test_no_database_is_made_for_a_tracking_server_of_the_user(ready: Path) -> None:
    (ready / "mlflow.db").unlink()
    program(ready, "mlflow", 'echo "$1"')
    assert call(ready, "run", MLFLOW_TRACKING_URI="databricks")[:2] == (0, "run\n")
    assert not (ready / "mlflow.db").exists()


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
