"""Counting the values of columns: what the encodings learn, for all of them in one job."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from throughline.features.op import Counts, quoted
from throughline.features.schema import input_types

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def count_values(training: "DataFrame", columns: Mapping[str, int]) -> dict[str, Counts]:
    """The most frequent values of each column, and in how many rows they stand.

    Args:
        training: The rows.
        columns: The columns, and how many values of each are wanted at most.

    Returns:
        Per column (value, rows), most frequent first; ties are in the order of the values. Missing
        values are not counted. Decimal numbers stay numbers: the engines write them as text in
        different ways (1.0E10, 1e10).
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if not columns:
        return {}
    most_frequent = Window.partitionBy("column").orderBy(F.desc("count"), "value")
    limits = F.array(*[F.lit(limit) for limit in columns.values()])
    wanted = F.element_at(limits, F.col("column") + 1)
    ranked = (
        values_by_column(training, columns)
        .where(F.col("value").isNotNull())
        .groupBy("column", "value")
        .count()
        .withColumn("rank", F.row_number().over(most_frequent))
        .where((F.col("rank") <= max(columns.values())) & (F.col("rank") <= wanted))
        .orderBy("column", "rank")
    )
    read = value_reader(training, columns)
    counts: dict[str, list[tuple[str | float, int]]] = {name: [] for name in columns}
    for row in ranked.toLocalIterator():
        name, value = read(row["column"], row["value"])
        counts[name].append((value, row["count"]))
    return dict(counts)


def values_by_column(
    training: "DataFrame", columns: Iterable[str], keep: Iterable[str] = ()
) -> "DataFrame":
    """Each row once per column: the column's number, its value as text, and what is kept."""
    from pyspark.sql import functions as F

    types = input_types(training)

    def pair(number: int, name: str) -> "Column":
        value = F.col(quoted(name))
        if types[name] == "double":
            value = value.cast("double") + F.lit(0.0)  # minus zero is zero
        return F.struct(F.lit(number).alias("column"), value.cast("string").alias("value"))

    pairs = F.array(*[pair(i, name) for i, name in enumerate(columns)])
    kept = [F.col(quoted(name)) for name in keep]
    return training.select(F.explode(pairs).alias("pair"), *kept).select("pair.*", *kept)


def value_reader(
    training: "DataFrame", columns: Iterable[str]
) -> Callable[[int, str | None], tuple[str, Any]]:
    """Reads a pair of :func:`values_by_column` back: the column's name, and its value."""
    names, types = list(columns), input_types(training)

    def read(number: int, value: str | None) -> tuple[str, Any]:
        name = names[number]
        if value is None or types[name] != "double":
            return name, value
        return name, float(value)

    return read
