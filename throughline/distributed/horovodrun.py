"""The launcher for several workers on this machine: Horovod's own, with Gloo."""

import sys

from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.local_processes import run_processes

_SECONDS_TO_GO_ON = "20"


def launch(
    job: TrainingJob,
    workers: int,
    time_limit: float | None = None,
    min_workers: int | None = None,
) -> TrainingResult:
    """Trains with processes on this machine that horovodrun starts.

    Args:
        job: The training; its output must be a folder of this machine.
        workers: The number of workers.
        time_limit: The seconds after which the training is stopped; None for never.
        min_workers: So many go on from the last checkpoint, by Horovod's elastic mode, when others
            are lost; None if all are needed.

    Raises:
        UserError: A worker's ``UserError``, or the time limit.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    command = [sys.executable, "-m", "throughline.distributed.horovodrun_command"]
    command += ["-np", str(workers), "--gloo"]
    if min_workers is not None and min_workers < workers:
        hosts = ",".join(f"worker-{rank}:1" for rank in range(workers))
        command += ["--min-np", str(min_workers), "--hosts", hosts]
        command += ["--elastic-timeout", _SECONDS_TO_GO_ON]
        command += ["--reset-limit", str(workers - min_workers)]  # else a fault that stays has none
    return run_processes([*command, sys.executable], "horovod", job, workers, time_limit)
