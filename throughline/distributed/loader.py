"""A worker's batches, read through Petastorm from its shard of a Parquet folder.

Petastorm's own loaders for torch go row by row or column by column; here a row group goes as one
Arrow table straight into tensors, and is shuffled there.
"""

from collections.abc import Iterator
from types import TracebackType

import torch

from throughline.distributed.reader import open_reader
from throughline.distributed.shards import ShardPlan
from throughline.features.layout import Layout
from throughline.models.network_batch import Batch, concatenate, from_arrow

EVALUATION_ROWS = 8192
"""The rows of a batch in an ordered pass; they bound the memory of the activations."""


def ordered_batches(
    uri: str, layout: Layout, shard: int, shards: int, expected: int
) -> Iterator[Batch]:
    """Yields one pass over a shard in the order of its files.

    Raises:
        RuntimeError: The pass did not give the ``expected`` rows.
    """
    read = 0
    with open_reader(uri, layout, shard, shards, epochs=1) as reader:
        for table in reader:
            batch = from_arrow(table, layout)
            read += batch.rows
            for start in range(0, batch.rows, EVALUATION_ROWS):
                yield batch.slice(start, start + EVALUATION_ROWS)
    _check_rows(read, expected, uri)


def _check_rows(read: int, expected: int, uri: str) -> None:
    """Counts what was read: a Petastorm release once lost whole row groups without an error."""
    if read != expected:
        raise RuntimeError(f"Petastorm gave {read} rows of {uri}, its footers say {expected}")


class TrainingLoader:
    """A worker's shuffled batches, epoch after epoch, from one reader that never ends.

    Row groups come in a new order each epoch, and rows are mixed in a buffer that is shuffled and
    then refilled whenever half of it is used.

    Args:
        uri: The folder of the training rows.
        layout: Which column is what.
        plan: The rows and steps of every shard.
        shard: This worker's shard.
        buffer_rows: The rows of the buffer, at least two batches.
        seed: The seed of the order; a shard has its own order whatever the others do.
    """

    def __init__(
        self, uri: str, layout: Layout, plan: ShardPlan, shard: int, buffer_rows: int, seed: int
    ) -> None:
        self.uri, self.layout, self.plan, self.shard = uri, layout, plan, shard
        # Half of the buffer must hold a batch.
        self.buffer_rows = max(buffer_rows, 2 * max(plan.batch_sizes(shard)))
        self.generator = torch.Generator().manual_seed(seed * 1_000_003 + shard)
        self.reader = open_reader(
            uri, layout, shard, len(plan.rows), epochs=None, seed=(seed + shard) % 2**32
        )

    def __enter__(self) -> "TrainingLoader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.reader.stop()
        self.reader.join()

    def epoch(self) -> Iterator[Batch]:
        """Yields the next epoch: every row of the shard once, in ``plan.steps`` batches.

        Raises:
            RuntimeError: The row groups of the epoch did not give the shard's rows.
        """
        tables = self._tables()
        pool, start = self._refill(None, tables), 0
        for size in self.plan.batch_sizes(self.shard):
            if pool.rows - start < max(size, self.buffer_rows // 2):
                pool, start = self._refill(pool.slice(start, pool.rows), tables), 0
            yield pool.slice(start, start + size)
            start += size

    def _refill(self, rest: Batch | None, tables: Iterator[Batch]) -> Batch:
        """Fills the buffer up and shuffles it; at the epoch's end the rest as it is."""
        parts = [] if rest is None else [rest]
        rows = sum(part.rows for part in parts)
        while rows < self.buffer_rows and (batch := next(tables, None)) is not None:
            parts.append(batch)
            rows += batch.rows
        if rest is not None and len(parts) == 1:
            return rest
        pool = concatenate(parts)
        return pool.take(torch.randperm(pool.rows, generator=self.generator))

    def _tables(self) -> Iterator[Batch]:
        """Yields the row groups of one epoch and counts their rows."""
        read, expected = 0, self.plan.rows[self.shard]
        while read < expected:
            table = next(self.reader, None)
            if table is None:
                break
            read += table.num_rows
            _check_rows(max(read, expected), expected, self.uri)
            yield from_arrow(table, self.layout)
        _check_rows(read, expected, self.uri)
