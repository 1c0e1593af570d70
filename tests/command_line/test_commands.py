"""The README's two commands, from outside: what they start, pass on and end with."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line.processes import PROJECT, call, program, start
from throughline.command_line import commands


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


@pytest.mark.parametrize("options", [["--env-manager", "conda"], ["--env-manager=conda"]])
def test_an_environment_manager_that_cannot_work_starts_nothing(
    ready: Path, options: list[str]
) -> None:
    program(ready, "python", 'echo "error: $@" >&2; exit 2')
    program(ready, "mlflow", "echo started")
    told = "error: -m throughline.packaging.environments conda\n"
    assert call(ready, "run", *options) == (2, "", told)


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
    assert call(ready, "test")[1].splitlines()[2:] == ["mypy", "lint-imports", "pytest -n 2"]


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
