"""Threads of trials that run at the same time: each has its share of the cores."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

THREADS = ("nthread", "n_jobs")
"""The parameters by which families take the number of their threads."""


def threads_of(
    known: Mapping[str, Any], given: Mapping[str, Any], threads: int | None
) -> dict[str, int]:
    """The parameters that hold a family to so many threads, unless they are given."""
    if threads is None:
        return {}
    return {name: threads for name in THREADS if name in known and name not in given}


@contextmanager
def threads_limited(threads: int | None) -> Iterator[None]:
    """Holds the libraries' own pools (OpenMP, BLAS, PyTorch) to so many threads in the block."""
    if threads is None:
        yield
        return
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with threadpool_limits(limits=threads):
        if torch:
            torch.set_num_threads(threads)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)
