"""Ends a step when what started it ends, for whatever reason: ``mlflow run``, or a chain.

Otherwise a step would go on alone after its chain was killed, with its Spark and its workers.
"""

import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil

from throughline import PARENT
from throughline.dbfs import on_databricks
from throughline.process_identity import ProcessIdentity

LAUNCHER = "THROUGHLINE_LAUNCHER"
"""Names the process that launched a step, which itself cannot tell once that has ended."""
LOCK = "THROUGHLINE_LAUNCHER_LOCK"
"""Names a file that the launcher holds locked: a step in a container sees no process outside."""

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 60
"""How long a step may take to end its run and its workers."""


@contextmanager
def as_launcher() -> Iterator[None]:
    """Names this process to the steps that are started in the block."""
    os.environ[LAUNCHER] = str(ProcessIdentity.of())
    try:
        yield
    finally:
        del os.environ[LAUNCHER]


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Holds a lock on a new file in the block; the kernel releases it when this process ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def end_with_launcher() -> None:
    """From now on, the end of a process that launched this step is a SIGTERM to this one.

    So is one that has ended already. A step that a person started by hand goes on after its shell
    has ended, as under ``nohup``.
    """
    if "MLFLOW_RUN_ID" not in os.environ or on_databricks():
        return
    launchers: list[psutil.Process | None] = [*_launchers()]
    if os.getppid() != PARENT:
        launchers.append(None)  # it ended while this process imported
    if named := os.environ.get(LAUNCHER):
        launchers.append(ProcessIdentity.parse(named).find())
    watched = [partial(_goes_on, launcher) for launcher in launchers]
    lock = os.environ.get(LOCK)
    if lock and _is_held(lock):  # an engine in a machine of its own passes files on, but no locks
        watched.append(partial(_is_held, lock))
    if watched:
        threading.Thread(target=_watch, args=(watched,), daemon=True).start()


def _launchers() -> list[psutil.Process]:
    """The parent; where that is the shell that MLflow puts between, the one before as well."""
    found = []
    process = psutil.Process().parent()
    while process:
        found.append(process)
        try:
            is_shell = process.cmdline()[1:2] == ["-c"]
            process = process.parent() if is_shell else None
        except psutil.Error:
            break
    return found


def _watch(looks: list[Callable[[], bool]]) -> None:
    while all(goes_on() for goes_on in looks):
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(128 + signal.SIGTERM)


def _is_held(path: str) -> bool:
    """Whether a process holds the lock of a file."""
    try:
        with open(path) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return isinstance(error, BlockingIOError)
    return False


def _goes_on(process: psutil.Process | None) -> bool:
    """Whether a process runs; one that has ended may wait long for somebody to take its code."""
    if process is None:
        return False
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
