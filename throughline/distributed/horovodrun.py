"""The launcher for several workers on this machine: Horovod's own, with Gloo."""

import sys

from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.local_processes import run_processes


def launch(job: TrainingJob, workers: int, time_limit: float | None = None) -> TrainingResult:
    """Trains with processes on this machine that horovodrun starts.

    Raises:
        UserError: A worker's ``UserError``, or the time limit.
        RuntimeError: A worker failed otherwise; the message has its rank and its log's last lines.
    """
    module = "throughline.distributed.horovodrun_command"
    command = [sys.executable, "-m", module, "-np", str(workers), "--gloo", sys.executable]
    return run_processes(command, "horovod", job, workers, time_limit)
