"""The moments that cut a table's rows, in the order of time, into shares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_DAY = 86_400


def moments_at(
    table: "DataFrame", seconds: "Column", shares: Sequence[float]
) -> tuple[list[int], int]:
    """The moments before which these shares of the rows lie, and how many rows have no moment.

    Exact, and so the same however the rows are spread over files and machines: one aggregate counts
    the rows per day, a second one those per second in the few days where a share ends.

    Args:
        table: The rows.
        seconds: Each row's moment, in seconds.
        shares: From 0 to 1.

    Returns:
        A moment for each share, in seconds (none where no row has a moment), and the number of
        rows without one.
    """
    from pyspark.sql import functions as F

    day = F.floor(seconds / _DAY)
    per_day = _counted(table, day)
    missing = per_day.pop(None, 0)
    count = sum(per_day.values())
    if not count:
        return [], missing
    ranks = [min(round(share * count), count - 1) for share in shares]
    of_days = {value: rows for value, rows in per_day.items() if value is not None}
    found = {rank: _value_at(of_days, rank) for rank in ranks}
    days = {int(place[0]) for place in found.values()}
    per_second = _counted(table.where(day.isin(*days)), seconds)
    moments = []
    for rank in ranks:
        at, within = found[rank]
        of_day = {s: n for s, n in per_second.items() if s is not None and s // _DAY == at}
        moments.append(_value_at(of_day, within)[0])
    return moments, missing


def _counted(table: "DataFrame", column: "Column") -> dict[int | None, int]:
    rows = table.groupBy(column.alias("value")).count().collect()
    return {row[0]: row[1] for row in rows}


def _value_at(counts: dict[int, int], rank: int) -> tuple[int, int]:
    """The value of the row of this rank, and the row's rank among those of the same value."""
    for value in sorted(counts):
        if rank < counts[value]:
            return value, rank
        rank -= counts[value]
    raise IndexError(rank)
