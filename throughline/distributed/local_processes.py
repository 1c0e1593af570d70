"""Workers on this machine, as processes of a launcher that is a command."""

import logging
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

import throughline
from throughline.azure_store import job_environment
from throughline.distributed.failure import raise_failure
from throughline.distributed.following import following
from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.job_folder import JOB, LAUNCHER_LOG, RESULT, JobFolder
from throughline.distributed.shards import plan_shards, row_group_rows
from throughline.errors import UserError

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 10.0


def run_processes(
    launcher: Sequence[str],
    backend: str,
    job: TrainingJob,
    workers: int,
    time_limit: float | None = None,
) -> TrainingResult:
    """Trains with the processes that a command starts on this machine.

    The first worker's log lines are passed on as they come; every worker's log is kept under
    ``logs`` in the job's output. However this function ends, no process of it is left.

    Args:
        launcher: The command that starts the workers, whose own command is appended. It has to
            end when its standard input does, or when it is terminated.
        backend: What connects the workers.
        job: The training; its output must be a folder of this machine.
        workers: The number of workers.
        time_limit: The seconds after which the training is stopped; None for never. Horovod's own
            check for stalled workers does not work with Gloo.

    Raises:
        UserError: A worker's ``UserError``, or the time limit.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    _check(job, workers)
    folder = JobFolder(job.output)
    folder.begin(job.model_dump_json(indent=1))
    ours = ["-m", "throughline.distributed.worker", backend, str(folder.path(JOB))]
    command = [*launcher, *ours]
    with (
        folder.path(LAUNCHER_LOG).open("wb") as log,
        _started(command, job, log) as process,
        following(folder),
    ):
        in_time = _ended(process, time_limit)
    if not in_time:
        raise UserError(
            f"The training did not end within {time_limit:g} s and was stopped; allow it more "
            f"time, or look into {folder.uri}/logs for what it waited for."
        )
    return result_of(folder, workers, failed=process.returncode != 0)


def result_of(
    folder: JobFolder, workers: int, *, failed: bool = False, said: str = ""
) -> TrainingResult:
    """What a training wrote at its end.

    Args:
        folder: Its folder.
        workers: How many there were.
        failed: Whether its launcher says that it failed.
        said: What the launcher said, where it has no log in the folder.

    Raises:
        UserError: A worker's.
        RuntimeError: A worker failed otherwise.
    """
    text = folder.text(RESULT)
    if failed or not text:
        raise_failure(folder, workers, said)
    return TrainingResult.model_validate_json(text)


def _check(job: TrainingJob, workers: int) -> None:
    """Finds what would end the workers before they are started."""
    plan_shards(row_group_rows(job.train), workers, job.batch_size)
    cores = usable_cores()
    if workers * job.threads > cores:
        logger.warning(
            "%d workers of %d threads share %d cores and will be slower than fewer workers",
            workers,
            job.threads,
            cores,
        )


def usable_cores() -> int:
    """The cores that this process may use, which a container can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _started(
    command: list[str], job: TrainingJob, log: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """Starts the launcher in its own session, and ends it with all its workers."""
    process = subprocess.Popen(
        command,
        env=_environment(job),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _end(process)


def _environment(job: TrainingJob) -> dict[str, str]:
    """The environment of the workers: this project importable, and the arithmetic's threads."""
    root = str(Path(throughline.__path__[0]).resolve().parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        **tracking_environment(job),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(job.threads),
    }


def tracking_environment(job: TrainingJob) -> dict[str, str]:
    """Where the first worker finds the tracking store; never part of the job, which is logged."""
    if job.run_id is None:
        return {}
    import mlflow

    return {"MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(), **job_environment()}


def _ended(process: subprocess.Popen[bytes], seconds: float | None) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Has the launcher stop its workers, then kills whatever is left of them."""
    family = _descendants(process.pid)
    if process.stdin:
        process.stdin.close()
    process.terminate()
    if not _ended(process, _GRACE_SECONDS):
        process.kill()
        process.wait()
    for child in family:
        if child.is_running():
            child.kill()
    psutil.wait_procs(family, timeout=_GRACE_SECONDS)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
