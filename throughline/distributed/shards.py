"""Which rows each worker reads, and in how many steps, from the Parquet footers alone."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from throughline.errors import UserError


@dataclass(frozen=True)
class ShardPlan:
    """The rows of every shard and the steps of an epoch.

    Every worker makes the same number of steps, since a worker with a step more would wait for the
    others for ever. A shard with fewer rows makes its batches smaller by a few rows instead: so
    each row is read once per epoch, none is dropped or repeated.

    Attributes:
        rows: The rows of each shard.
        steps: The steps of an epoch, the same for every shard.
    """

    rows: tuple[int, ...]
    steps: int

    def batch_sizes(self, shard: int) -> list[int]:
        """The rows of each step of ``shard``; they differ by at most one and add up to its rows."""
        size, larger = divmod(self.rows[shard], self.steps)
        return [size + 1] * larger + [size] * (self.steps - larger)


def open_folder(uri: str) -> tuple[Any, str]:
    """Returns the fsspec file system and the path of a folder given as a path or a URI."""
    import fsspec

    parts = urlsplit(uri)
    if parts.scheme == "file":
        # A percent sign in a path and an encoded one in a URI mean different folders.
        uri = unquote(parts.path)
    filesystem, path = fsspec.core.url_to_fs(uri)
    return filesystem, path


def row_group_rows(uri: str) -> list[int]:
    """Returns the rows of every row group below a folder, in Petastorm's order (by file path).

    Raises:
        UserError: The folder is missing, has no Parquet file or has one that cannot be read.
    """
    filesystem, path = open_folder(uri)
    files = _parquet_files(filesystem, path)
    if not files:
        raise UserError(f"There is no Parquet file in {uri}; run prep to write the table again.")
    with ThreadPoolExecutor(8) as pool:
        return [rows for counts in pool.map(partial(_footer, filesystem), files) for rows in counts]


def _parquet_files(filesystem: Any, path: str) -> list[str]:
    if not filesystem.isdir(path):
        return []
    names = filesystem.ls(path, detail=False)
    return sorted(
        name
        for name in names
        if name.endswith(".parquet") and not name.rsplit("/", 1)[-1].startswith((".", "_"))
    )


def _footer(filesystem: Any, file: str) -> list[int]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with filesystem.open(file, "rb") as stream:
            metadata = pq.read_metadata(stream)
    except pa.ArrowInvalid as error:
        raise UserError(f"{file} is not a whole Parquet file; run prep again.") from error
    return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]


def shard_rows(row_groups: list[int], shards: int) -> tuple[int, ...]:
    """Returns the rows of each shard: Petastorm gives row group ``i`` to shard ``i % shards``."""
    return tuple(sum(row_groups[shard::shards]) for shard in range(shards))


def plan_shards(row_groups: list[int], shards: int, batch_size: int) -> ShardPlan:
    """Plans an epoch: as few steps as give no worker a batch above ``batch_size``.

    Args:
        row_groups: The rows of every row group.
        shards: The number of workers.
        batch_size: The most rows of a step.

    Raises:
        UserError: There are fewer row groups than shards, or a shard is so much smaller than
            another that its batches would have fewer than two rows (batch norm needs two).
    """
    if len(row_groups) < shards:
        raise UserError(
            f"The training rows have {len(row_groups)} row groups, too few for {shards} workers; "
            f"prepare the table again with at least {shards} row groups, or use fewer workers."
        )
    rows = shard_rows(row_groups, shards)
    steps = max(1, -(-max(rows) // batch_size))
    if min(rows) < 2 * steps:
        raise UserError(
            f"The smallest of {shards} shards has {min(rows)} training rows, the largest "
            f"{max(rows)}; prepare the table again with equal row groups, or use fewer workers."
        )
    return ShardPlan(rows=rows, steps=steps)
