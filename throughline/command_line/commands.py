"""What ``python3 -m throughline run`` and ``test`` start. Standard library only."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from types import FrameType

from throughline.command_line import bootstrap

PROJECT = Path(__file__).resolve().parents[2]
STORE = "mlflow.db"
ERROR_FILE = "THROUGHLINE_ERROR_FILE"
"""Names the file into which a step writes the sentence of a user's mistake."""

CHECKS = (
    ("ruff", "check"),
    ("ruff", "format", "--check"),
    ("mypy", "throughline"),
    ("lint-imports",),
    ("pytest", "-n", "2"),  # more would each have a JVM and models in memory
)


def run(options: list[str]) -> int:
    """Calls ``mlflow run .`` with the options, in the project's environment.

    ``mlflow run`` ends with 1 whatever went wrong. A step writes a user's mistake into a file as
    well; where it did, its sentence is repeated as the last line and the exit code is 2.
    """
    programs = bootstrap.ensure(PROJECT)
    command = mlflow_command(options, os.environ)
    if manager := _value(options, "--env-manager"):
        check = [str(programs / "python"), "-m", "throughline.packaging.environments", manager]
        if code := _start(check, activated(os.environ, programs)):
            return code
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        make_store(programs, PROJECT / STORE)
    with tempfile.TemporaryDirectory(prefix="throughline-") as folder:
        sentence = Path(folder, "error")
        environment = run_environment(os.environ, programs) | {ERROR_FILE: str(sentence)}
        code = _start([str(programs / command[0]), *command[1:]], environment)
        if code == 1 and sentence.is_file() and (text := sentence.read_text(encoding="utf-8")):
            print(f"throughline: error: {text.strip()}", file=sys.stderr, flush=True)
            return 2
    return code


def test(arguments: list[str]) -> int:
    """Runs every check and all tests up to the first failure; with arguments, only pytest."""
    programs = bootstrap.ensure(PROJECT)
    environment = activated(os.environ, programs)
    for check in [("pytest", *arguments)] if arguments else CHECKS:
        bootstrap.say(" ".join(check))
        if code := _start([str(programs / check[0]), *check[1:]], environment):
            return code
    return 0


def mlflow_command(options: list[str], environment: Mapping[str, str]) -> list[str]:
    """The ``mlflow run`` that the options ask for; what they leave open is filled in."""
    command = ["mlflow", "run", "."]
    if not _given(options, "--env-manager"):
        command += ["--env-manager", "local"]
    named = environment.get("MLFLOW_EXPERIMENT_NAME") or environment.get("MLFLOW_EXPERIMENT_ID")
    if not named and not _given(options, "--experiment-name", "--experiment-id"):
        command += ["--experiment-name", "throughline"]
    return command + options


def make_store(programs: Path, store: Path) -> None:
    """Makes the tracking database where there is none, in one piece.

    MLflow would make it on the way, but two first runs at once then break each other's tables, and
    an interrupted one leaves half of them.
    """
    if store.exists():
        return
    with bootstrap.only_one(store.parent):
        if store.exists():
            return
        bootstrap.say(f"making the tracking database {store.name}")
        draft = store.with_name(store.name + ".new")
        draft.unlink(missing_ok=True)
        command = [str(programs / "mlflow"), "db", "upgrade", f"sqlite:///{draft}"]
        result = subprocess.run(
            command, env=run_environment(os.environ, programs), capture_output=True, text=True
        )
        if result.returncode:
            reason = (result.stderr.strip().splitlines() or ["it gave no reason"])[-1]
            raise bootstrap.BootstrapError(f"the tracking database could not be made: {reason}", 1)
        draft.rename(store)


def activated(environment: Mapping[str, str], programs: Path) -> dict[str, str]:
    """The environment variables as after activating the virtual environment."""
    path = os.pathsep.join([str(programs), environment.get("PATH", os.defpath)])
    active = {**environment, "PATH": path, "VIRTUAL_ENV": str(programs.parent)}
    active.pop("PYTHONHOME", None)
    return active


def run_environment(environment: Mapping[str, str], programs: Path) -> dict[str, str]:
    """The environment variables of a run: what the caller set stays, the rest is filled in."""
    defaults = {
        # absolute: MLflow makes the run before a step starts, and steps may start elsewhere
        "MLFLOW_TRACKING_URI": f"sqlite:///{PROJECT / STORE}",
        "MLFLOW_DISABLE_TELEMETRY": "true",  # a run needs no network
        "GIT_PYTHON_REFRESH": "quiet",  # a machine without git is fine
    }
    filled = defaults | {name: value for name, value in environment.items() if value}
    return activated(filled | bootstrap.uv_settings(environment), programs)


def _given(options: list[str], *names: str) -> bool:
    return any(option.split("=", 1)[0] in names for option in options)


def _value(options: list[str], name: str) -> str | None:
    """What an option was given, as ``--name value`` or ``--name=value``; None if it was not."""
    for option, following in pairwise([*options, ""]):
        if option.split("=", 1)[0] == name:
            return option.partition("=")[2] or following
    return None


def _start(command: list[str], environment: Mapping[str, str]) -> int:
    """Runs a program in the project's folder, passes signals on, and returns its exit code.

    At a terminal Ctrl-C reaches the program and its children by itself. Elsewhere they form a group
    of their own that gets the signal as a whole, since ``mlflow run`` does not pass it to its step.
    """
    caught: list[int] = []
    terminal = _at_terminal()
    child = subprocess.Popen(
        command, env=environment, cwd=PROJECT, process_group=None if terminal else 0
    )

    def forward(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        if not terminal:
            os.killpg(child.pid, number)
        elif number != signal.SIGINT:
            child.send_signal(number)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught:
        return 128 + caught[0]
    return code if code >= 0 else 128 - code


def _at_terminal() -> bool:
    """Whether a terminal has sent Ctrl-C to us and the child alike."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False
