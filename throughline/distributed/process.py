"""The launcher for one worker: this process itself."""

import logging

from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.job_folder import JobFolder
from throughline.errors import UserError


def launch(job: TrainingJob, workers: int = 1) -> TrainingResult:
    """Trains in this process, without Horovod.

    Raises:
        UserError: More than one worker is asked for, or the training's own ``UserError``.
    """
    if workers != 1:
        raise UserError(
            f"The launcher process runs one worker, not {workers}; use the launcher horovodrun."
        )
    import torch

    from throughline.distributed.group import Alone
    from throughline.distributed.training import train

    logging.getLogger("petastorm").setLevel(logging.WARNING)
    threads = torch.get_num_threads()
    JobFolder(job.output).begin(job.model_dump_json(indent=1))
    try:
        return train(job, Alone())
    finally:
        torch.set_num_threads(threads)  # other models want all of them
