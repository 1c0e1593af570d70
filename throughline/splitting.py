"""Splitting the rows into training, validation and test; the same row always falls the same."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.op import quoted
from throughline.features.schema import kinds_of
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from throughline.recipe import Split

SPLIT = "__split"
PARTS = ("train", "validation", "test")

_GRAINS = 1_000_000


def add_split(table: "DataFrame", split: "Split", key: Sequence[str]) -> "DataFrame":
    """Adds the column ``__split`` with ``train``, ``validation`` or ``test``.

    By time, the test rows are those from ``test_from`` on, and the validation rows are the last
    share of those before. At random, a row's part depends on its key and the seed alone.

    Raises:
        UserError: If the time column is missing or holds no times.
    """
    if split.random:
        return table.withColumn(SPLIT, _random_part(split, key))
    return table.withColumn(SPLIT, _part_by_time(table, split))


def sampled(table: "DataFrame", fraction: float, key: Sequence[str]) -> "DataFrame":
    """About ``fraction`` of the rows, chosen by their key: the same ones every time."""
    if fraction >= 1:
        return table
    return table.where(_grain(key, "sample") < int(fraction * _GRAINS))


def _grain(key: Sequence[str], seed: int | str) -> "Column":
    from pyspark.sql import functions as F

    parts = [F.col(quoted(column)).cast("string") for column in key]
    return F.pmod(F.xxhash64(F.lit(seed), *parts), F.lit(_GRAINS))


def _random_part(split: "Split", key: Sequence[str]) -> "Column":
    from pyspark.sql import functions as F

    shares = split.random
    assert shares is not None  # noqa: S101 (the recipe's own check)
    grain = _grain(key, split.seed)
    test = int(shares.test * _GRAINS)
    return (
        F.when(grain < test, "test")
        .when(grain < test + int(shares.validation * _GRAINS), "validation")
        .otherwise("train")
    )


def _part_by_time(table: "DataFrame", split: "Split") -> "Column":
    from pyspark.sql import functions as F

    by = split.by or ""
    kinds = kinds_of(table)
    if by not in table.columns:
        raise UserError(
            f"The split reads the column {by!r}, which is not in the table; {nearest(by, kinds)}."
        )
    if kinds.get(by) != "time":
        raise UserError(
            f"The split is by {by!r}, which holds {kinds.get(by, 'something else')}, not times; "
            "store it as timestamps, or name another column in split.by."
        )
    seconds = F.col(quoted(by)).cast("timestamp").cast("long")
    start = _utc_seconds(split.test_from)
    share = 1 - split.validation
    row = table.where(seconds < start).agg(F.percentile_approx(seconds, share, 10_000)).first()
    border = row[0] if row and row[0] is not None else start
    return (
        F.when(seconds >= start, "test")
        .when(seconds >= border, "validation")
        .when(seconds < border, "train")
    )


def _utc_seconds(moment: dt.datetime | None) -> int:
    assert moment is not None  # noqa: S101 (the recipe's own check)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return int(aware.timestamp())
