"""Which runs nothing uses any more: no registered version, no deployment, no recent chain."""

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What pruning has to know of a run.

    Attributes:
        run_id: Its id.
        parent: The id of the run above it; empty for none.
        step: The entry point that it is a run of; empty for a run inside a step.
        started: When it began, in milliseconds since 1970.
        running: Whether it may still be at work.
        uses: Ids of runs whose results it took: those a chain took again, its preparations, and the
            one whose contract it was to keep.
    """

    run_id: str
    parent: str
    step: str
    started: int
    running: bool
    uses: frozenset[str] = frozenset()


def used(runs: Iterable[Known], roots: Set[str], since: int) -> set[str]:
    """The runs that are in use.

    A run in use keeps what it took results of, what it is part of, and all of its own step: a
    registered candidate keeps the training beside whose other candidates it stands.

    Args:
        runs: All runs.
        roots: The ids of those in use whatever their age: of registered versions, of deployments.
        since: Runs that began later, in milliseconds since 1970, are in use.
    """
    known = {run.run_id: run for run in runs}
    below = defaultdict(list)
    for run in known.values():
        below[run.parent].append(run.run_id)
    kept: set[str] = set()
    whole = [i for i, run in known.items() if i in roots or run.started >= since or run.running]
    above: list[str] = []
    done: set[str] = set()
    while whole or above:
        if not whole:
            run_id = above.pop()  # as a part of what it belongs to, not with all that is below it
            if run_id in known and run_id not in kept:
                kept.add(run_id)
                above.append(known[run_id].parent)
            continue
        run_id = whole.pop()
        if run_id in done or run_id not in known:
            continue
        done.add(run_id)
        kept.add(run_id)
        run = known[run_id]
        whole += [*run.uses, *below[run_id]]
        (above if run.step else whole).append(run.parent)
    return kept
