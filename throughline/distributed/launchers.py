"""The launchers by name, the choice among them, and what happens when a worker is lost."""

import logging
from collections.abc import Callable
from functools import partial

from throughline.distributed import databricks, horovodrun, process, spark, torch
from throughline.distributed.failure import WorkerLost
from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.distributed.places import cluster, has, horovod_has, on_databricks
from throughline.errors import UserError
from throughline.models.tensorflow import refuse_without_tensorflow

logger = logging.getLogger(__name__)

Launch = Callable[[TrainingJob, int], TrainingResult]

LAUNCHERS: dict[str, Launch] = {
    "process": process.launch,
    "horovodrun": horovodrun.launch,
    "spark": spark.launch,
    "databricks": databricks.launch,
    "torch": torch.launch,
}


def launcher(name: str, workers: int) -> Launch:
    """Returns the launcher of a name and says which it is and why.

    Args:
        name: ``auto``, or a key of ``LAUNCHERS``.
        workers: The number of workers.

    Raises:
        UserError: There is no such launcher.
    """
    chosen, reason = _auto(workers) if name == "auto" else (name, "it was asked for")
    if chosen not in LAUNCHERS:
        known = ", ".join(["auto", *LAUNCHERS])
        raise UserError(f"There is no launcher {name}; the launchers are {known}.")
    logger.info("launcher %s for %d workers: %s", chosen, workers, reason)
    return LAUNCHERS[chosen]


def _auto(workers: int) -> tuple[str, str]:
    if workers == 1:
        return "process", "one worker needs no other process"
    if on_databricks() and has("sparkdl"):
        return "databricks", "this is Databricks, with HorovodRunner"
    if not has("horovod"):
        return "torch", "there is no Horovod here"
    if cluster():
        return "spark", "a Spark cluster runs"
    return "horovodrun", "several workers on one machine, no cluster"


def _check_tensorflow(start: Launch) -> None:
    """Checks that a launcher can train a network of TensorFlow's.

    Raises:
        UserError: It cannot.
    """
    refuse_without_tensorflow()
    if start is process.launch:
        return
    if not horovod_has("tensorflow"):
        raise UserError(
            "There is no Horovod with its part for TensorFlow here; build it as "
            "requirements-tensorflow.in says, or use one worker."
        )
    if start is torch.launch:
        raise UserError(
            "The launcher torch cannot train a network of the library tensorflow; use the launcher "
            "horovodrun, or the library keras, which computes by torch."
        )


def launch(job: TrainingJob, workers: int, name: str, min_workers: int) -> TrainingResult:
    """Trains; when workers are lost, goes on from the last checkpoint without them.

    Args:
        job: The training.
        workers: The number of workers.
        name: The launcher's, or ``auto``.
        min_workers: So many workers are needed to go on.

    Raises:
        UserError: The training's own, there is no such launcher, or it cannot train the network.
        RuntimeError: A worker failed, or one was lost and too few are left.
    """
    start = launcher(name, workers)
    if start is horovodrun.launch:
        start = partial(horovodrun.launch, min_workers=min_workers)
    if job.library == "tensorflow":
        _check_tensorflow(start)
    try:
        return start(job, workers)
    except WorkerLost as error:
        fewer = workers - error.count
        if fewer < max(1, min_workers):
            raise
        logger.warning("%s", error)
        logger.warning("going on from the last checkpoint with %d workers", fewer)
    return launch(job, fewer, name if fewer > 1 else "auto", min_workers)
