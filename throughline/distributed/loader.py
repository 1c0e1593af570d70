"""A worker's batches, read through Petastorm from its shard of a Parquet folder.

Petastorm's own loaders for torch go row by row or column by column; here a row group goes as one
Arrow table straight into tensors, and is shuffled there.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import pyarrow as pa
import torch

from throughline.distributed.reader import open_reader
from throughline.distributed.shards import ShardPlan, Span
from throughline.features.layout import Layout
from throughline.models.network_batch import Batch, concatenate, from_arrow

EVALUATION_ROWS = 8192
"""The rows of a batch in an ordered pass; they bound the memory of the activations."""


def ordered_batches(uri: str, layout: Layout, spans: Sequence[Span]) -> Iterator[Batch]:
    """Yields one pass over a shard's rows in the order of its files.

    Raises:
        RuntimeError: The pass did not give the rows that the footers promised.
    """
    expected = sum(span.stop - span.start for span in spans)
    if not expected:
        return
    read = 0
    with open_reader(uri, layout, spans, epochs=1) as reader:
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
    then refilled whenever half of it is used. A thread fills the next buffer, the next epoch's
    first one too, while the training uses this one. The order follows from the seed, the shard and
    the epoch alone.

    Args:
        uri: The folder of the training rows.
        layout: Which column is what.
        plan: The rows and steps of every shard.
        shard: This worker's shard.
        buffer_rows: The rows of the buffer, at least two batches.
        seed: The seed of the order; a shard has its own order whatever the others do.
        done: The epochs before the first one here, whose order is that of the next.
    """

    def __init__(
        self,
        uri: str,
        layout: Layout,
        plan: ShardPlan,
        shard: int,
        buffer_rows: int,
        seed: int,
        done: int = 0,
    ) -> None:
        self.uri, self.layout, self.plan, self.shard = uri, layout, plan, shard
        # Half of the buffer must hold a batch.
        self.buffer_rows = max(buffer_rows, 2 * max(plan.batch_sizes(shard)))
        self.seed = seed * 1_000_003 + shard
        self.reader = open_reader(
            uri,
            layout,
            plan.spans(shard),
            epochs=None,
            seed=self.seed,
            first_epoch=done + 1,
            rows_ahead=self.buffer_rows,
        )
        self.thread = ThreadPoolExecutor(1)
        self.next = _Epoch(self, done + 1)

    def __enter__(self) -> "TrainingLoader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.thread.shutdown()  # before the reader's end, for which what it reads would wait
        self.reader.stop()
        self.reader.join()

    def epoch(self) -> Iterator[Batch]:
        """Yields the next epoch: every row of the shard once, in ``plan.steps`` batches.

        Raises:
            RuntimeError: The row groups of the epoch did not give the shard's rows.
        """
        now = self.next
        pool, start = now.filled.result(), 0
        sizes = self.plan.batch_sizes(self.shard)
        # An epoch's buffers are filled one after the other, then the first of the next epoch.
        stop = now.refill(pool, sizes)
        for place, size in enumerate(sizes):
            if start == stop:
                pool, start = now.filled.result(), 0
                stop = now.refill(pool, sizes[place:])
            yield pool.slice(start, start + size).row_by_row()
            start += size


class _Epoch:
    """The buffers of one epoch, each filled in the loader's thread.

    Attributes:
        filled: The next buffer.
    """

    def __init__(self, loader: TrainingLoader, number: int) -> None:
        self._loader, self._number = loader, number
        self._generator = torch.Generator().manual_seed(loader.seed * 100_003 + number)
        self._tables = self._counted()
        self.filled: Future[Batch] = loader.thread.submit(self._fill, None)

    def refill(self, pool: Batch, sizes: Sequence[int]) -> int:
        """Has the buffer filled that follows ``pool``, or the next epoch's first one.

        Args:
            pool: The buffer that is used now.
            sizes: The rows of the batches that are left of the epoch.

        Returns:
            How many rows of ``pool`` to use before the next buffer.
        """
        loader, stop = self._loader, 0
        if pool.rows == sum(sizes):
            loader.next = _Epoch(loader, self._number + 1)
            return pool.rows
        for size in sizes:
            if pool.rows - stop < max(size, loader.buffer_rows // 2):
                break
            stop += size
        self.filled = loader.thread.submit(self._fill, pool.slice(stop, pool.rows))
        return stop

    def _fill(self, rest: Batch | None) -> Batch:
        """Fills a buffer up and shuffles it."""
        rows, fresh = rest.rows if rest else 0, []
        while rows < self._loader.buffer_rows and (table := next(self._tables, None)) is not None:
            fresh.append(table)
            rows += table.num_rows
        pool = from_arrow(pa.concat_tables(fresh), self._loader.layout)
        if rest is not None:
            pool = concatenate([rest, pool])
        return pool.take(torch.randperm(pool.rows, generator=self._generator))

    def _counted(self) -> Iterator[pa.Table]:
        """Yields the row groups of the epoch and counts their rows."""
        loader = self._loader
        read, expected = 0, loader.plan.rows[loader.shard]
        while read < expected:
            table = next(loader.reader, None)
            if table is None:
                break
            read += table.num_rows
            _check_rows(max(read, expected), expected, loader.uri)
            yield table
        _check_rows(read, expected, loader.uri)
