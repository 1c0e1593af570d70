"""A Petastorm reader over one shard of a Parquet folder.

Petastorm lists the row groups and reads a shard's ahead in a thread.
"""

import re
import time
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from throughline.distributed.shards import Span, open_folder
from throughline.features.layout import Layout
from throughline.models.network_batch import columns

_READ_AHEAD = 2
"""The least row groups that wait in memory for whoever reads."""
_HANDED_OUT = 64
"""The row groups whose turn the reading thread knows. Of Petastorm's own three it is at the end
before more are handed out, which is looked at every 10 ms."""


def open_reader(
    uri: str,
    layout: Layout,
    spans: Iterable[Span],
    epochs: int | None,
    seed: int | None = None,
    first_epoch: int = 1,
    rows_ahead: int = 0,
) -> Any:
    """Opens a Petastorm reader over one shard that gives one Arrow table per row group.

    It is what ``petastorm.make_batch_reader`` builds, with four differences: the path is not parsed
    as a URL again; rows come as Arrow tables rather than named tuples, which cannot hold a column
    such as ``sepal length``; a shard is a range of rows rather than every n-th row group, so that
    shards are equal; and the order of row groups follows from the seed and the epoch alone. One
    thread reads, so that one epoch's row groups all come before the next epoch's.

    Args:
        uri: The folder of Parquet files.
        layout: Which columns to read.
        spans: The shard's rows; no other row group is opened.
        epochs: The passes over the shard; None for no end.
        seed: The seed of the order of row groups, another one each epoch; None keeps their order.
        first_epoch: The number of the first pass.
        rows_ahead: About so many rows may wait in memory for whoever reads.
    """
    _silence_petastorm()
    from petastorm.workers_pool.thread_pool import ThreadPool

    chosen = {span.row_group: span for span in spans}
    mean = sum(span.stop - span.start for span in chosen.values()) / len(chosen)
    ahead = max(_READ_AHEAD, round(rows_ahead / mean))
    filesystem, path = open_folder(uri)
    return _range_reader(chosen, seed, first_epoch)(
        _legacy(filesystem),
        path,
        schema_fields=[f"^{re.escape(name)}$" for name in columns(layout)],
        worker_class=_arrow_worker(chosen),
        reader_pool=ThreadPool(1, 2 * ahead),  # each is followed by a word that it was read
        num_epochs=epochs,
        is_batched_reader=True,
    )


def _range_reader(chosen: Mapping[int, Span], seed: int | None, first_epoch: int) -> type:
    from petastorm.reader import Reader
    from petastorm.workers_pool.ventilator import ConcurrentVentilator

    class SeededVentilator(ConcurrentVentilator):
        """Hands out the row groups of each epoch in that epoch's order.

        Petastorm's own shuffles once more whenever it finds the queue full before the first row
        group of an epoch: how often depends on the time, and so would the order.
        """

        def _ventilate(self) -> None:
            epoch = first_epoch
            while not self.completed():
                for item in self._order(epoch):
                    while self._is_full() and not self._stop_requested:
                        time.sleep(self._ventilation_interval)
                    if self._stop_requested:
                        return
                    self._ventilate_fn(**item)
                    self._ventilated_items_count += 1
                epoch += 1
                if self._iterations_remaining is not None:
                    self._iterations_remaining -= 1

        def _order(self, epoch: int) -> list[dict[str, Any]]:
            items = self._items_to_ventilate
            if seed is None:
                return list(items)
            order = np.random.default_rng([seed, epoch]).permutation(len(items))
            return [items[place] for place in order]

        def _is_full(self) -> bool:
            waiting = self._ventilated_items_count - self._processed_items_count
            return bool(waiting >= self._max_ventilation_queue_size)

    class RangeReader(Reader):
        """Petastorm's reader of the row groups that are ``chosen``."""

        def _filter_row_groups(self, *_: Any) -> tuple[list[int], None]:
            return sorted(chosen), None

        def _create_ventilator(self, row_groups: list[int], *settings: Any) -> ConcurrentVentilator:
            _, _, epochs, *_ = settings
            whole = {"worker_predicate": None, "shuffle_row_drop_partition": (0, 1)}
            return SeededVentilator(
                self._workers_pool.ventilate,
                [{"piece_index": index, **whole} for index in row_groups],
                iterations=epochs,
                max_ventilation_queue_size=_HANDED_OUT,
            )

    return RangeReader


def _silence_petastorm() -> None:
    """Petastorm 0.12.1 uses pyarrow's older interface on purpose; its warnings help nobody."""
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"(petastorm|pyarrow)\b")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"petastorm\b")
    warnings.filterwarnings("ignore", message=".*conflicts with an existing property of Unischema")


def _legacy(filesystem: Any) -> Any:
    """Returns a file system in pyarrow's older interface, the only one Petastorm 0.12.1 can use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from pyarrow.filesystem import DaskFileSystem, LocalFileSystem

        class RemoteFileSystem(DaskFileSystem):
            """pyarrow's wrapper of fsspec, with what it leaves out."""

            def isdir(self, path: str) -> bool:
                return self.fs.isdir(path)

            def isfile(self, path: str) -> bool:
                return self.fs.isfile(path)

        return LocalFileSystem() if "file" in filesystem.protocol else RemoteFileSystem(filesystem)


class _TableQueue:
    """Hands on what Petastorm's thread has read as it is, an Arrow table."""

    batched_output = True

    def read_next(self, workers_pool: Any, schema: Any, ngram: Any) -> pa.Table:
        from petastorm.workers_pool import EmptyResultError

        try:
            return workers_pool.get_results()
        except EmptyResultError as error:
            raise StopIteration from error


def _arrow_worker(chosen: Mapping[int, Span]) -> type:
    from petastorm.arrow_reader_worker import ArrowReaderWorker
    from pyarrow.filesystem import LocalFileSystem
    from pyarrow.parquet import FileMetaData, ParquetFile

    class ArrowTableWorker(ArrowReaderWorker):
        """Petastorm's worker for plain Parquet, reading each footer once.

        Petastorm's own parses the file's footer twice for every row group, which takes longer than
        the data where a file has many of them.
        """

        def process(self, piece_index: int, worker_predicate: None, **_: Any) -> None:
            """Reads one row group and publishes the shard's rows of it as an Arrow table.

            An error is published too: Petastorm's own way would block where the queue is full and
            nobody reads any more.
            """
            found: pa.Table | Exception
            try:
                found = self._read(piece_index)
            except Exception as error:
                found = error
            self.publish_func(found)

        def _read(self, piece_index: int) -> pa.Table:
            piece = self._split_pieces[piece_index]
            footers: dict[str, FileMetaData] = self.__dict__.setdefault("footers", {})
            with self._opened(piece.path) as stream:
                file = ParquetFile(stream, metadata=footers.get(piece.path))
                footers[piece.path] = file.metadata
                present = set(file.schema_arrow.names)
                wanted = [name for name in self._schema.fields if name in present]
                table = file.read_row_group(piece.row_group, columns=wanted)
            span = chosen[piece_index]
            return table.slice(span.start, span.stop - span.start)

        def _opened(self, path: str) -> Any:
            """A file to read; one of this machine without Python in between."""
            if isinstance(self._filesystem, LocalFileSystem):
                return pa.OSFile(path)
            return self._filesystem.open(path, "rb")

        @staticmethod
        def new_results_queue_reader() -> _TableQueue:
            return _TableQueue()

    return ArrowTableWorker
