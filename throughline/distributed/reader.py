"""A Petastorm reader over one shard of a Parquet folder.

Petastorm lists the row groups, deals them out to the shards, shuffles their order and reads them
ahead in a thread.
"""

import re
import warnings
from typing import Any

import pyarrow as pa

from throughline.distributed.shards import open_folder
from throughline.features.layout import Layout
from throughline.models.network_batch import columns

_READ_AHEAD = 4
"""The row groups that wait in memory for the training."""


def open_reader(
    uri: str,
    layout: Layout,
    shard: int,
    shards: int,
    epochs: int | None,
    seed: int | None = None,
) -> Any:
    """Opens a Petastorm reader over one shard that gives one Arrow table per row group.

    It is what ``petastorm.make_batch_reader`` builds, with two differences: the path is not parsed
    as a URL again, and rows come as Arrow tables rather than named tuples, which cannot hold a
    column such as ``sepal length``. One thread reads, so that one epoch's row groups all come
    before the next epoch's.

    Args:
        uri: The folder of Parquet files.
        layout: Which columns to read.
        shard: The number of this shard, from 0.
        shards: The number of shards.
        epochs: The passes over the shard; None for no end.
        seed: The seed of the order of row groups, reshuffled each pass; None keeps their order.
    """
    _silence_petastorm()
    from petastorm.reader import Reader
    from petastorm.workers_pool.thread_pool import ThreadPool

    filesystem, path = open_folder(uri)
    return Reader(
        _legacy(filesystem),
        path,
        schema_fields=[f"^{re.escape(name)}$" for name in columns(layout)],
        worker_class=_arrow_worker(),
        reader_pool=ThreadPool(1, _READ_AHEAD),
        shuffle_row_groups=seed is not None,
        seed=seed,
        num_epochs=epochs,
        cur_shard=shard,
        shard_count=shards,
        is_batched_reader=True,
    )


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


def _arrow_worker() -> type:
    from petastorm.arrow_reader_worker import ArrowReaderWorker
    from pyarrow.parquet import FileMetaData, ParquetFile

    class ArrowTableWorker(ArrowReaderWorker):
        """Petastorm's worker for plain Parquet, reading each footer once.

        Petastorm's own parses the file's footer twice for every row group, which takes longer than
        the data where a file has many of them.
        """

        def process(self, piece_index: int, worker_predicate: None, **_: Any) -> None:
            """Reads one row group and publishes it as an Arrow table."""
            piece = self._split_pieces[piece_index]
            footers: dict[str, FileMetaData] = self.__dict__.setdefault("footers", {})
            with self._filesystem.open(piece.path, "rb") as stream:
                file = ParquetFile(stream, metadata=footers.get(piece.path))
                footers[piece.path] = file.metadata
                present = set(file.schema_arrow.names)
                wanted = [name for name in self._schema.fields if name in present]
                table = file.read_row_group(piece.row_group, columns=wanted)
            if table.num_rows:
                self.publish_func(table)

        @staticmethod
        def new_results_queue_reader() -> _TableQueue:
            return _TableQueue()

    return ArrowTableWorker
