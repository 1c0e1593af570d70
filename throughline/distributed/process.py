"""The launcher for one worker: this process itself."""

import logging

from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.errors import UserError

logger = logging.getLogger(__name__)


def launch(job: TrainingJob, workers: int = 1) -> TrainingResult:
    """Trains in this process, with Horovod but without its launcher.

    Raises:
        UserError: More than one worker is asked for, or the training's own ``UserError``.
    """
    if workers != 1:
        raise UserError(
            f"The launcher process runs one worker, not {workers}; use the launcher horovodrun."
        )
    import horovod.torch as hvd
    import torch

    from throughline.distributed.training import train

    logging.getLogger("petastorm").setLevel(logging.WARNING)
    threads = torch.get_num_threads()
    try:
        return train(job)
    finally:
        # Horovod's background thread would go on using a core, and other models want all threads.
        hvd.shutdown()
        torch.set_num_threads(threads)
