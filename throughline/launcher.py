"""Ends a step when the ``mlflow run`` that started it ends, for whatever reason.

Otherwise a step would go on alone after its chain was killed, with its Spark and its workers.
"""

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from throughline.dbfs import on_databricks

if TYPE_CHECKING:
    from psutil import Process

_LOOK_SECONDS = 0.5
_GRACE_SECONDS = 60
"""How long a step may take to end its run and its workers."""


def end_with_launcher() -> None:
    """From now on, the end of the process that launched this step is a SIGTERM to this one.

    A step that a person started by hand goes on after its shell has ended, as under ``nohup``.
    """
    if "MLFLOW_RUN_ID" not in os.environ or on_databricks():
        return
    if watched := _launchers():
        threading.Thread(target=_watch, args=(watched,), daemon=True).start()


def _launchers() -> "list[Process]":
    """The parent; where that is the shell that MLflow puts between, the one before as well."""
    import psutil

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


def _watch(processes: "list[Process]") -> None:
    while all(process.is_running() for process in processes):
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(128 + signal.SIGTERM)
