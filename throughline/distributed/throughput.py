"""How fast each worker is by itself, and which one the others wait for."""

import statistics
from collections.abc import Sequence

from throughline.distributed.job import WorkerRecord

_SLOWER = 1.5
"""So many times as long as the others a worker takes before it is called slow."""
_SHORTEST = 1.0
"""Epochs of fewer seconds are too short to tell."""
_WORKERS_TO_LOG = 32


def slow_worker(workers: Sequence[WorkerRecord]) -> str:
    """Says which worker holds up the others, if one does; else the empty text.

    Args:
        workers: What each did in an epoch, by rank.
    """
    if len(workers) < 2:
        return ""
    taken = [worker.own_seconds / max(worker.rows, 1) for worker in workers]
    slowest = max(range(len(workers)), key=lambda rank: taken[rank])
    others = statistics.median(t for rank, t in enumerate(taken) if rank != slowest)
    worker = workers[slowest]
    if worker.own_seconds < _SHORTEST or taken[slowest] <= _SLOWER * others:
        return ""
    return (
        f"worker {slowest} takes {taken[slowest] / others:.1f} times as long for its rows as the "
        f"others, which wait for it ({worker.own_seconds:.1f} s in this epoch, "
        f"{worker.wait_seconds:.1f} s of it for data)"
    )


def worker_metrics(workers: Sequence[WorkerRecord]) -> dict[str, float]:
    """The workers' own rows per second and their waiting for data, as metrics.

    Where there are very many workers, only the slowest and the median one are told.
    """
    if not workers:
        return {}
    rates = [worker.rows_per_second for worker in workers]
    waits = [worker.wait_seconds for worker in workers]
    found = {
        "workers_slowest_rows_per_second": min(rates),
        "workers_median_rows_per_second": statistics.median(rates),
        "workers_longest_wait_seconds": max(waits),
    }
    if len(workers) <= _WORKERS_TO_LOG:
        for rank, (rate, wait) in enumerate(zip(rates, waits, strict=True)):
            found[f"worker_{rank}_rows_per_second"] = rate
            found[f"worker_{rank}_wait_seconds"] = wait
    return found
