"""Which rows each worker reads, and in how many steps, from the Parquet footers alone."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from throughline.errors import UserError

_NEAR = 0.005
"""The share of a shard by which its border may move to that of a row group."""


class Span(NamedTuple):
    """Rows of one row group: those from ``start`` up to ``stop``."""

    row_group: int
    start: int
    stop: int


@dataclass(frozen=True)
class ShardPlan:
    """Which rows every shard has, and the steps of an epoch.

    A shard is a range of the rows, in the order of the row groups, so that all shards have the same
    rows whatever the number of workers; the two row groups at its borders it may read in part.

    Every worker makes the same number of steps, since a worker with a step more would wait for the
    others for ever. A shard with fewer rows makes its batches smaller by a few rows instead: so
    each row is read once per epoch, none is dropped or repeated.

    Attributes:
        row_groups: The rows of every row group.
        borders: Where each shard begins among all rows, and where the last one ends.
        steps: The steps of an epoch, the same for every shard.
    """

    row_groups: tuple[int, ...]
    borders: tuple[int, ...]
    steps: int

    @property
    def shards(self) -> int:
        """The number of shards."""
        return len(self.borders) - 1

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """The rows of each shard."""
        pairs = zip(self.borders, self.borders[1:], strict=False)
        return tuple(stop - start for start, stop in pairs)

    def batch_sizes(self, shard: int) -> list[int]:
        """The rows of each step of ``shard``; they differ by at most one and add up to its rows."""
        size, larger = divmod(self.rows[shard], self.steps)
        return [size + 1] * larger + [size] * (self.steps - larger)

    def shares(self, shard: int) -> list[float]:
        """By what to multiply the mean loss of each step's batch.

        Then the mean of the gradients over the workers is that over all rows of the step, though
        one worker's batch may have a few rows less than another's.
        """
        totals = _rows_of_steps(self.rows, self.steps)
        return [
            size * self.shards / total
            for size, total in zip(self.batch_sizes(shard), totals, strict=True)
        ]

    def spans(self, shard: int) -> list[Span]:
        """The rows that ``shard`` reads, by row group."""
        ends = list(accumulate(self.row_groups))
        first, last = self.borders[shard], self.borders[shard + 1]
        found = []
        for index in range(bisect_right(ends, first), len(ends)):
            begins = ends[index] - self.row_groups[index]
            if begins >= last:
                break
            if self.row_groups[index]:
                stop = min(last, ends[index]) - begins
                found.append(Span(index, max(first - begins, 0), stop))
        return found


def _rows_of_steps(rows: Sequence[int], steps: int) -> list[int]:
    """The rows of all shards' batches in each step."""
    whole = sum(count // steps for count in rows)
    larger = sorted(count % steps for count in rows)
    # A shard's first ``count % steps`` batches have one row more than its others.
    return [whole + len(larger) - bisect_right(larger, step) for step in range(steps)]


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


def plan_shards(row_groups: Sequence[int], shards: int, batch_size: int) -> ShardPlan:
    """Plans an epoch: as few steps as give no worker a batch above ``batch_size``.

    Args:
        row_groups: The rows of every row group.
        shards: The number of workers.
        batch_size: The most rows of a step.

    Raises:
        UserError: There are fewer than two rows for each shard (batch norm needs two).
    """
    borders = shard_borders(row_groups, shards)
    plan = ShardPlan(tuple(row_groups), borders, steps=1)
    if min(plan.rows) < 2:
        raise UserError(
            f"The table has {sum(row_groups)} training rows, and {shards} workers need at least "
            "two each; use fewer workers."
        )
    steps = min(-(-max(plan.rows) // batch_size), min(plan.rows) // 2)
    return ShardPlan(tuple(row_groups), borders, max(1, steps))


def shard_borders(row_groups: Sequence[int], shards: int) -> tuple[int, ...]:
    """Where each of ``shards`` equal ranges of the rows begins, and where the last one ends.

    A border that is very near that of a row group moves there: no worker is to open a row group
    for a few rows.
    """
    total = sum(row_groups)
    ends = [0, *accumulate(row_groups)]
    near = _NEAR * total / shards
    return tuple(_moved(total * shard // shards, ends, near) for shard in range(shards + 1))


def _moved(border: int, ends: Sequence[int], near: float) -> int:
    place = bisect_left(ends, border)
    closest = min(ends[max(0, place - 1) : place + 1], key=lambda end: abs(end - border))
    return closest if abs(closest - border) <= near else border
