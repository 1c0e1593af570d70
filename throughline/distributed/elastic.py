"""Horovod's elastic mode: when a worker is lost, those that are left go on without it."""

import logging
import os
from collections.abc import Callable

from throughline.distributed.failure import recorded_failures
from throughline.distributed.horovod_group import horovod_part
from throughline.distributed.job_folder import JobFolder
from throughline.models.network_libraries import Library

logger = logging.getLogger(__name__)


def train_elastically(train: Callable[[], None], library: Library, folder: JobFolder) -> None:
    """Trains, and again from the last checkpoint whenever a worker was lost.

    Args:
        train: Trains from the folder's checkpoint with the workers that there are when it begins.
        library: In which the network is.
        folder: The training's, which all workers see.

    Raises:
        HorovodInternalError: A worker failed by itself, as the others would.
    """
    hvd = horovod_part(library)
    from horovod.common.elastic import State
    from horovod.common.exceptions import HorovodInternalError

    workers = int(os.environ["HOROVOD_SIZE"])

    class InFolder(State):
        """What was trained so far; it is in the folder, so nothing has to be kept in memory."""

        def restore(self) -> None:
            if recorded_failures(folder, workers):
                raise HorovodInternalError("another worker failed")
            logger.warning("a worker was lost; going on without it from the last checkpoint")

        def sync(self) -> None:
            """``train`` has the first worker read the checkpoint for all."""

    hvd.elastic.run(lambda state: train())(InFolder(hvd.broadcast_object, hvd.rank))
