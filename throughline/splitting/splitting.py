"""Splitting the rows into training, validation and test; the same row always falls the same."""

import datetime as dt
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.op import quoted
from throughline.features.out_of_fold import FOLD, FOLDS
from throughline.features.schema import kinds_of
from throughline.splitting.strata import GRAINS, STRATUM, add_stratum, with_piece
from throughline.splitting.time_order import moments_at
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from throughline.recipe.split import Shares, Split

logger = logging.getLogger(__name__)

SPLIT = "__split"
PARTS = ("train", "validation", "test")

_GRAINS = 1_000_000


def add_split(
    table: "DataFrame", split: "Split", key: Sequence[str], label: str | None = None
) -> "DataFrame":
    """Adds the column ``__split`` with ``train``, ``validation`` or ``test``.

    * At random: a row's part depends on its key and the seed alone.
    * Stratified: the same, and the shares hold among the rows of every stratum. A stratum with too
      few rows to give every part one is for training. Missing values make a stratum.
    * By group: the part depends on the group and the seed alone. The shares are shares of groups,
      not of rows. The rows that miss their group are one group, so that none of them is on both
      sides.
    * By time: the test rows are those from ``test_from`` on, or the last share ``test``; the
      validation rows are the last ones before. Rows of the same second stay together. A row
      without a time is in no part, which is logged.

    Args:
        table: The rows.
        split: The recipe's split.
        key: The columns that tell rows apart.
        label: The label's column; what strata are made of unless the split says otherwise.

    Raises:
        UserError: If a column of the split is missing, the time column holds no times, or there are
            too many strata.
    """
    from pyspark.sql import functions as F

    by = _columns(table, split, label)
    if split.by:
        return table.withColumn(SPLIT, _part_by_time(table, split))
    if split.stratified:
        shares = split.stratified
        borders = [shares.test, shares.test + shares.validation]
        smallest = math.ceil(1 / min(shares.test, shares.validation, 1 - borders[1]) - 1e-9)
        table = add_stratum(table, by)
        grain = _grain(key, split.seed, GRAINS)
        table = with_piece(table, grain, borders, by=by, name=SPLIT, smallest=smallest)
        return table.withColumn(SPLIT, F.array(*map(F.lit, PARTS[::-1]))[F.col(SPLIT)])
    return table.withColumn(SPLIT, _part_by_hash(by or key, split))


def add_folds(
    training: "DataFrame",
    split: "Split",
    label: str | None,
    key: Sequence[str],
    folds: int = FOLDS,
) -> "DataFrame":
    """Adds the column ``__fold``, from 0 to ``folds - 1``, by the rule that made the split.

    At random by the key; of about equal size within every stratum; with groups whole; by time in
    blocks of about equal size, the earliest first. A training row always falls the same.

    Args:
        training: The training rows.
        split: The recipe's split.
        label: As in :func:`add_split`.
        key: The columns that tell rows apart.
        folds: How many.

    Raises:
        UserError: As :func:`add_split`.
    """
    from pyspark.sql import functions as F

    by = _columns(training, split, label)
    borders = [fold / folds for fold in range(1, folds)]
    salt = f"fold {split.seed}"
    if split.by:
        moments, _ = moments_at(training, _seconds(split.by), borders)
        later = [(_seconds(split.by) >= moment).cast("int") for moment in moments]
        return training.withColumn(FOLD, sum(later, start=F.lit(0)))
    if split.stratified:
        rows = add_stratum(training, by)
        turn = F.pmod(F.xxhash64(F.lit(salt), F.col(STRATUM)), F.lit(folds)).cast("int")
        rows = rows.withColumn("__turn", turn)  # the leftovers of small strata go everywhere
        rows = with_piece(rows, _grain(key, salt, GRAINS), borders, by=by, name=FOLD)
        turned = F.pmod(F.col(FOLD) + F.col("__turn"), F.lit(folds))
        return rows.withColumn(FOLD, turned).drop("__turn")
    return training.withColumn(FOLD, _grain(by or key, salt, folds))


def sampled(table: "DataFrame", fraction: float, key: Sequence[str]) -> "DataFrame":
    """About ``fraction`` of the rows, chosen by their key: the same ones every time."""
    if fraction >= 1:
        return table
    return table.where(_grain(key, "sample") < int(fraction * _GRAINS))


def _grain(columns: Sequence[str], seed: int | str, grains: int = _GRAINS) -> "Column":
    from pyspark.sql import functions as F

    parts = [F.col(quoted(column)).cast("string") for column in columns]
    return F.pmod(F.xxhash64(F.lit(seed), *parts), F.lit(grains)).cast("int")


def _part_by_hash(columns: Sequence[str], split: "Split") -> "Column":
    from pyspark.sql import functions as F

    shares: Shares | None = split.random or split.group
    assert shares is not None  # noqa: S101 (the recipe's own check)
    grain = _grain(columns, split.seed)
    test = int(shares.test * _GRAINS)
    return (
        F.when(grain < test, "test")
        .when(grain < test + int(shares.validation * _GRAINS), "validation")
        .otherwise("train")
    )


def _part_by_time(table: "DataFrame", split: "Split") -> "Column":
    from pyspark.sql import functions as F

    seconds = _seconds(split.by or "")
    if split.test_from is not None:
        start = _utc_seconds(split.test_from)
        before = table.where(seconds.isNull() | (seconds < start))
        moments, missing = moments_at(before, seconds, [1 - split.validation_share])
        border = moments[0] if moments else start
    else:
        test = split.test or 0.0
        moments, missing = moments_at(table, seconds, [1 - test - split.validation_share, 1 - test])
        border, start = moments or (0, 0)
    if missing:
        logger.warning("%s rows miss %s and are left out of the split", f"{missing:,}", split.by)
    return (
        F.when(seconds >= start, "test")
        .when(seconds >= border, "validation")
        .when(seconds < border, "train")
    )


def _seconds(column: str) -> "Column":
    from pyspark.sql import functions as F

    return F.col(quoted(column)).cast("timestamp").cast("long")


def _columns(table: "DataFrame", split: "Split", label: str | None) -> list[str]:
    """The columns that the split reads, which are all in the table; none where it is at random."""
    if split.stratified:
        by = list(split.stratified.by) or [label or ""]
    else:
        by = list(split.group.by) if split.group else [split.by] if split.by else []
    for column in by:
        if column not in table.columns:
            raise UserError(
                f"The split reads the column {column!r}, which is not in the table; "
                f"{nearest(column, table.columns)}."
            )
    if split.by and (kind := kinds_of(table).get(split.by, "something else")) != "time":
        raise UserError(
            f"The split is by {split.by!r}, which holds {kind}, not times; "
            "store it as timestamps, or name another column in split.by."
        )
    return by


def _utc_seconds(moment: dt.datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return int(aware.timestamp())
