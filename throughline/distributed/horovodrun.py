"""The launcher for several workers on this machine: Horovod's own, with Gloo."""

import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

import throughline
from throughline.distributed.failure import launcher_log, log_file, raise_failure
from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.shards import plan_shards, row_group_rows
from throughline.errors import UserError

logger = logging.getLogger(__name__)

DAY = 24 * 3600.0
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 10.0
_LEVELS = logging.getLevelNamesMapping()
_LINE = re.compile(r"^\d\d:\d\d:\d\d (INFO|WARNING|ERROR) (.*)$")


def launch(job: TrainingJob, workers: int, time_limit: float = DAY) -> TrainingResult:
    """Trains with several processes on this machine.

    The first worker's log lines are passed on as they come; every worker's log is kept under
    ``logs`` in the job's output. However this function ends, no process of it is left.

    Args:
        job: The training; its output must be a folder that this process can write.
        workers: The number of workers.
        time_limit: The seconds after which the training is stopped. Horovod's own check for
            stalled workers does not work with Gloo, so this is what bounds a hang.

    Raises:
        UserError: A worker's ``UserError``, or the time limit.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    _check(job, workers)
    output = Path(job.output).absolute()
    job = job.model_copy(update={"output": str(output)})
    _clear(job)
    with launcher_log(output).open("wb") as log, _horovodrun(job, workers, log) as process:
        in_time = _follow(process, log_file(output, 0), time.monotonic() + time_limit)
    if not in_time:
        raise UserError(
            f"The training did not end within {time_limit:g} s and was stopped; allow it more "
            f"time, or look into {output / 'logs'} for what it waited for."
        )
    if process.returncode != 0 or not job.result.is_file():
        raise_failure(output, workers)
    return TrainingResult.model_validate_json(job.result.read_text(encoding="utf-8"))


def _check(job: TrainingJob, workers: int) -> None:
    """Finds what would end the workers before they are started."""
    plan_shards(row_group_rows(job.train), workers, job.batch_size)
    cores = _cores()
    if workers * job.threads > cores:
        logger.warning(
            "%d workers of %d threads share %d cores and will be slower than fewer workers",
            workers,
            job.threads,
            cores,
        )


def _cores() -> int:
    """The cores that this process may use, which a container can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _clear(job: TrainingJob) -> None:
    """Removes what an earlier training left, except its checkpoint, and writes the job down."""
    output = Path(job.output)
    shutil.rmtree(output / "logs", ignore_errors=True)
    (output / "logs").mkdir(parents=True)
    job.result.unlink(missing_ok=True)
    (output / "job.json").write_text(job.model_dump_json(indent=1) + "\n", encoding="utf-8")


@contextmanager
def _horovodrun(
    job: TrainingJob, workers: int, log: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """Starts horovodrun in its own session, and ends it with all its workers."""
    module = "throughline.distributed"
    worker = [sys.executable, "-m", f"{module}.worker", str(Path(job.output) / "job.json")]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            f"{module}.horovodrun_command",
            *("-np", str(workers), "--gloo"),
            *worker,
        ],
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
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(job.threads),
    }


def _follow(process: subprocess.Popen[bytes], log: Path, deadline: float) -> bool:
    """Passes the first worker's lines on until the end; False if the deadline came first."""
    position = 0
    while time.monotonic() < deadline:
        ended = _ended(process)
        position = _pass_on(log, position)
        if ended:
            return True
    return False


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _pass_on(log: Path, position: int) -> int:
    """Logs the whole lines after ``position`` and returns where they end."""
    if not log.is_file():
        return position
    with log.open("rb") as stream:
        stream.seek(position)
        text = stream.read()
    whole = text[: text.rfind(b"\n") + 1]
    for line in whole.decode("utf-8", errors="replace").splitlines():
        if match := _LINE.match(line):
            logger.log(_LEVELS[match[1]], "%s", match[2])
    return position + len(whole)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Has horovodrun stop its workers, then kills whatever is left of them."""
    family = _descendants(process.pid)
    if process.stdin:
        process.stdin.close()
    process.terminate()
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
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
