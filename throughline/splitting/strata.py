"""Cutting every stratum of a table into the same shares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

STRATUM = "__stratum"
GRAINS = 4096
"""How finely the rows of a stratum are told apart."""

MOST = 10_000
"""More strata than these are refused: their borders are held in memory."""

_CUTS = "__cuts"


def add_stratum(table: "DataFrame", by: Sequence[str]) -> "DataFrame":
    """Adds the column ``__stratum``; a missing value is a value like any other."""
    from pyspark.sql import functions as F

    values = [F.col(quoted(column)).alias(f"v{i}") for i, column in enumerate(by)]
    return table.withColumn(STRATUM, F.to_json(F.struct(*values)))


def with_piece(
    table: "DataFrame",
    grain: "Column",
    borders: Sequence[float],
    *,
    by: Sequence[str],
    name: str,
    smallest: int = 1,
) -> "DataFrame":
    """Adds the column ``name``: into which piece of its stratum a row falls, from 0.

    The rows of a stratum stand in the order of ``grain``. Where each border falls is counted, not
    estimated, so a row's piece does not depend on how the rows are spread over machines: one
    aggregate per stratum and grain, and one row per stratum comes back to be joined.

    Args:
        table: The rows, with their stratum.
        grain: A whole number from 0 to ``GRAINS - 1`` that follows from the row alone.
        borders: Where the pieces end, as shares of the stratum's rows, growing.
        by: The strata's columns, for the message.
        name: The new column.
        smallest: A stratum with fewer rows is not cut: all of it falls into the last piece.

    Raises:
        UserError: If there are more than ``MOST`` strata.
    """
    from pyspark.sql import functions as F

    cuts = _cuts(table, grain, borders, smallest).limit(MOST + 1)
    rows = cuts.collect()
    if len(rows) > MOST:
        raise UserError(
            f"The strata by {', '.join(by)} are more than {MOST:,}; name columns with fewer "
            "values, or split at random."
        )
    small = table.sparkSession.createDataFrame(rows, cuts.schema)
    passed = [(grain >= F.col(_CUTS)[i]).cast("int") for i in range(len(borders))]
    joined = table.join(F.broadcast(small), on=STRATUM, how="left")
    piece = sum(passed[1:], start=passed[0])
    return joined.withColumn(name, piece).drop(STRATUM, _CUTS)


def _cuts(
    table: "DataFrame", grain: "Column", borders: Sequence[float], smallest: int
) -> "DataFrame":
    """For every stratum the grains at which its pieces end, in an array."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    stratum = Window.partitionBy(STRATUM)
    counted = table.groupBy(STRATUM, grain.alias("grain")).count()
    placed = counted.select(
        STRATUM,
        "grain",
        F.sum("count").over(stratum.orderBy("grain")).alias("until"),
        F.sum("count").over(stratum).alias("rows"),
    )

    def cut(border: float) -> "Column":
        inside = F.col("until") <= F.round(F.col("rows") * border)
        last = F.max(F.when(inside & (F.col("rows") >= smallest), F.col("grain")))
        return F.coalesce(last + 1, F.lit(0)).cast("int")

    return placed.groupBy(STRATUM).agg(F.array(*[cut(border) for border in borders]).alias(_CUTS))
