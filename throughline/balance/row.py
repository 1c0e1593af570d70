"""A number for each row that follows from its key alone, however the rows are spread on Spark."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ROW = "__row"


def with_row(rows: "DataFrame", key: Sequence[str]) -> "DataFrame":
    """Adds the column ``ROW``."""
    from pyspark.sql import functions as F

    return rows.withColumn(ROW, F.xxhash64(*[F.col(quoted(name)) for name in key]))


def drawn(seed: int, row: str = ROW) -> "Column":
    """A whole number from 0 to 2**62 - 1 for each row, as if drawn at random with ``seed``."""
    from pyspark.sql import functions as F

    return F.pmod(F.xxhash64(F.col(row), F.lit(seed)), F.lit(1 << 62))


def by_class(label: str, values: Sequence[int | float]) -> "Column":
    """The value of each row's class, given the values of the classes in order."""
    from pyspark.sql import functions as F

    return F.array(*[F.lit(value) for value in values])[F.col(quoted(label))]
