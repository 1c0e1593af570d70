"""The launchers by name, and the choice among them."""

import logging
from collections.abc import Callable

from throughline.distributed import horovodrun, process
from throughline.distributed.job import TrainingJob, TrainingResult
from throughline.errors import UserError

logger = logging.getLogger(__name__)

Launch = Callable[[TrainingJob, int], TrainingResult]

LAUNCHERS: dict[str, Launch] = {"process": process.launch, "horovodrun": horovodrun.launch}


def launcher(name: str, workers: int) -> Launch:
    """Returns the launcher of a name and says which it is and why.

    Args:
        name: ``auto``, or a key of ``LAUNCHERS``.
        workers: The number of workers.

    Raises:
        UserError: There is no such launcher, or fewer than one worker is asked for.
    """
    if workers < 1:
        raise UserError(f"A training needs at least one worker, not {workers}.")
    chosen, reason = _auto(workers) if name == "auto" else (name, "it was asked for")
    if chosen not in LAUNCHERS:
        known = ", ".join(["auto", *LAUNCHERS])
        raise UserError(f"There is no launcher {name}; the launchers are {known}.")
    logger.info("launcher %s for %d workers: %s", chosen, workers, reason)
    return LAUNCHERS[chosen]


def _auto(workers: int) -> tuple[str, str]:
    if workers == 1:
        return "process", "one worker needs no other process"
    return "horovodrun", "several workers on one machine, no cluster"
