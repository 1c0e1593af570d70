"""The readers that ``distributed.py`` measures: ours, Petastorm's own, and a bare pyarrow scan."""

import statistics
import time
from collections.abc import Callable
from typing import Any

PASSES = 5
"""Passes of a reader at a time."""


def rates(table: Any, rounds: int) -> dict[str, Any]:
    """Rows per second of a pass over the training rows, in turn; medians.

    Readers stay open over all passes, as in a training; what opening one takes is told apart.
    """
    import pyarrow.dataset as ds
    from petastorm import make_batch_reader

    from throughline.distributed.loader import TrainingLoader
    from throughline.distributed.reader import open_reader
    from throughline.distributed.shards import plan_shards, row_group_rows
    from throughline.models.network_batch import columns

    uri, layout, rows = table.output.url("train"), table.layout, table.rows["train"]
    plan = plan_shards(row_group_rows(uri), 1, 1024)
    names = columns(layout)

    def scan(threads: bool) -> int:
        dataset = ds.dataset(table.output.path("train"), format="parquet")
        scanner = dataset.scanner(columns=names, use_threads=threads)
        return sum(batch.num_rows for batch in scanner.to_batches())

    def one_pass(opened: Any, rows_of: Callable[[Any], int]) -> int:
        count = 0
        while count < rows:
            count += rows_of(next(opened))
        return count

    own = {"schema_fields": names, "reader_pool_type": "thread", "workers_count": 1}
    open_reader(uri, layout, plan.spans(0), epochs=1).stop()  # what is imported on the way
    started = time.perf_counter()
    with (
        open_reader(uri, layout, plan.spans(0), None, seed=1, rows_ahead=131_072) as ours,
        TrainingLoader(uri, layout, plan, 0, 131_072, seed=1) as loader,
    ):
        opening = (time.perf_counter() - started) / 2
        with make_batch_reader(uri, num_epochs=None, **own) as theirs:
            ways: dict[str, Callable[[], int]] = {
                "pyarrow_one_thread": lambda: scan(False),
                "pyarrow_all_threads": lambda: scan(True),
                "reader": lambda: one_pass(ours, lambda found: found.num_rows),
                "loader": lambda: sum(batch.rows for batch in loader.epoch()),
                "petastorm_make_batch_reader": lambda: one_pass(
                    theirs, lambda found: len(getattr(found, names[0]))
                ),
            }
            found: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, way in ways.items():
                    way()  # uses up what was read ahead while the others had their turn
                    started = time.perf_counter()
                    for _ in range(PASSES):
                        if way() != rows:
                            raise SystemExit(f"{name} gave other rows than {rows}")
                    found[name].append(PASSES * rows / (time.perf_counter() - started))
    middle = {name: statistics.median(of) for name, of in found.items()}
    return {
        "seconds_to_open": round(opening, 3),
        "rows_per_second": {name: round(rate) for name, rate in middle.items()},
        "reader_over_pyarrow": round(middle["reader"] / middle["pyarrow_one_thread"], 3),
        "loader_over_pyarrow": round(middle["loader"] / middle["pyarrow_one_thread"], 3),
    }
