"""Horovod's elastic mode: when a worker is lost, those that are left go on without it."""

import logging
import os
from collections.abc import Callable

from throughline.distributed.failure import lost_another, recorded_failures
from throughline.distributed.horovod_group import horovod_part
from throughline.distributed.job_folder import JobFolder
from throughline.models.network_parameters import Library

logger = logging.getLogger(__name__)


def train_elastically(train: Callable[[], None], library: Library, folder: JobFolder) -> None:
    """Trains, and again from the last checkpoint whenever others were lost.

    It is what ``hvd.elastic.run`` does, less the news of further hosts, of which there are none;
    that of TensorFlow takes some losses for the end of the training.

    Args:
        train: Trains from the folder's checkpoint with the workers that there are when it begins.
        library: In which the network is.
        folder: The training's, which all workers see.

    Raises:
        Exception: What ended this worker's training, or the others', by itself.
    """
    workers = int(os.environ["HOROVOD_SIZE"])
    while True:
        try:
            return train()
        except Exception as error:
            if not lost_another(error) or recorded_failures(folder, workers):
                raise
            logger.warning(
                "the connection to other workers was lost; going on with those that are left, from "
                "the last checkpoint if there is one"
            )
        hvd = horovod_part(library)
        hvd.shutdown()
        hvd.init()
