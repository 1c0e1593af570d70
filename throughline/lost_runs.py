"""Runs that nobody will end: their process was killed, or its machine went down."""

import hashlib
import logging
import os
import socket
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.capabilities import in_status
from throughline.not_found import is_not_found
from throughline.process_identity import ProcessIdentity

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

PROCESS = "throughline.process"
"""The tag of a step's run with the process that will end it: machine, process id, when it began."""
PARENT = "mlflow.parentRunId"
MACHINE_ID = Path("/etc/machine-id")
_MOST = 1000
_TAKES_NONE = "aml_pipeline"
"""The entry point that is no step: its run waits for a pipeline, however long that takes."""
_UNTAKEN_SECONDS = 24 * 3600
"""How long a run may wait for its step: for an environment that is made, or a cluster."""


def this_process() -> str:
    """This process, as the tag has it."""
    return f"{_machine()} {ProcessIdentity.of()}"


def end_lost_runs(experiment_id: str, project: str = "") -> list[str]:
    """Ends as KILLED the running runs of an experiment that nobody else will end.

    A run goes on while the process does that its tag names; one on another machine cannot be seen
    and is believed. A run without the tag goes on with its parent; one that ``mlflow run`` made of
    this project, and that no step took within a day, does not. What is no run of this project, nor
    below one, is left alone.

    Args:
        experiment_id: The experiment.
        project: This project, as ``mlflow run`` notes a run's source; empty if it did not.

    Returns:
        The ids of the runs.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    client = mlflow.MlflowClient()
    running = client.search_runs([experiment_id], in_status("RUNNING"), max_results=_MOST)
    by_id = {run.info.run_id: run for run in running}

    @cache
    def goes_on(run_id: str) -> bool:
        run = by_id.get(run_id)
        if run is None:  # a parent that has ended
            try:
                return PROCESS not in client.get_run(run_id).data.tags
            except MlflowException as error:
                if is_not_found(error):  # removed for good: nobody knows whose it was
                    return True
                raise
        if process := run.data.tags.get(PROCESS):
            return may_live(process)
        parent = run.data.tags.get(PARENT)
        return goes_on(parent) if parent else not _is_untaken(run, project)

    lost = [run_id for run_id in by_id if not goes_on(run_id)]
    return [run_id for run_id in lost if end_as_killed(client, run_id)]


def _is_untaken(run: "Run", project: str) -> bool:
    """Whether ``mlflow run`` ended, with its machine say, before a step could take the run."""
    from mlflow.utils.mlflow_tags import MLFLOW_PROJECT_ENTRY_POINT, MLFLOW_SOURCE_NAME

    tags, waited = run.data.tags, time.time() - run.info.start_time / 1000
    ours = bool(project) and tags.get(MLFLOW_SOURCE_NAME) == project
    takes_it = tags.get(MLFLOW_PROJECT_ENTRY_POINT) not in (None, _TAKES_NONE)
    return ours and takes_it and waited > _UNTAKEN_SECONDS


def end_as_killed(client: "MlflowClient", run_id: str) -> bool:
    """Ends a run whose process is gone, unless that ended it well after it was searched for.

    Returns:
        Whether there was a run to end.
    """
    info = client.get_run(run_id).info
    if info.status != "RUNNING":
        return False
    logger.warning("the run %s (%s) was left by a process that is gone", info.run_name, run_id)
    client.set_terminated(run_id, "KILLED")
    return True


def may_live(process: str) -> bool:
    """Whether the process that a tag tells of runs, or cannot be seen from here."""
    machine, *identity = process.rsplit(" ", 2)
    if machine != _machine():
        return True
    return ProcessIdentity.parse(" ".join(identity)).find() is not None


def _machine() -> str:
    """Where process ids mean the same: this host, and in a container nothing but that.

    Hosts may have the same name, and do have the same outermost namespace. What Linux tells them
    apart by is nobody else's business, so its digest stands for it.
    """
    parts = [socket.gethostname()]
    with suppress(OSError):  # a container has none
        parts.append(hashlib.sha256(MACHINE_ID.read_bytes()).hexdigest()[:16])
    with suppress(OSError):  # not Linux
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


if __name__ == "__main__":
    import mlflow

    end_as_killed(mlflow.MlflowClient(), sys.argv[1])
