"""Columns that look as if they knew the label: they may be known only afterwards."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.drafting.columns import Column
from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

SUSPICIOUS = 0.95
MOST_CATEGORIES = 200


def leak_suspects(table: "DataFrame", columns: Sequence[Column], label: Column) -> dict[str, str]:
    """The columns that alone tell nearly all of the label, and how that shows.

    A number is suspicious if its correlation (of a class: with any one class) is at least 0.95 in
    absolute value; a category if knowing it removes 95 % of the wrong answers of the most frequent
    class, or of the variance of a numeric label.
    """
    rows = table.where(f"{quoted(label.name)} is not null")
    numbers = [c for c in columns if c.kind in ("number", "boolean", "time")]
    categories = [c for c in columns if c.kind == "text" and 1 < c.distinct <= MOST_CATEGORIES]
    targets = _targets(rows, label)
    return {
        **_correlated(rows, numbers, targets),
        **{c.name: told for c in categories if (told := _telling(rows, c, label))},
    }


def _targets(rows: "DataFrame", label: Column) -> "list[SparkColumn]":
    """The label as numbers: itself, or one indicator for each of its most frequent classes."""
    from pyspark.sql import functions as F

    column = F.col(quoted(label.name))
    if label.kind == "number" and label.distinct > 20:
        return [column.cast("double")]
    frequent = (
        rows.groupBy(column.alias("value")).count().orderBy(F.desc("count"), "value").head(10)
    )
    return [(column == F.lit(row["value"])).cast("double") for row in frequent]


def _correlated(
    rows: "DataFrame", numbers: Sequence[Column], targets: "Sequence[SparkColumn]"
) -> dict[str, str]:
    from pyspark.sql import functions as F

    if not numbers or not targets:
        return {}
    correlations = [
        F.greatest(
            F.lit(-1.0), *[F.abs(F.corr(F.col(quoted(c.name)).cast("double"), t)) for t in targets]
        )
        for c in numbers
    ]
    found = rows.agg(*[one.alias(f"c{i}") for i, one in enumerate(correlations)]).first() or ()
    return {
        c.name: f"correlation {value:.2f} with the label"
        for c, value in zip(numbers, found, strict=False)
        if value is not None and value == value and value >= SUSPICIOUS
    }


def _telling(rows: "DataFrame", column: Column, label: Column) -> str | None:
    """How much of the label a category tells; None if it is not suspicious."""
    from pyspark.sql import functions as F

    value, target = F.col(quoted(column.name)), F.col(quoted(label.name))
    if label.kind == "number" and label.distinct > 20:
        inside = rows.groupBy(value).agg(F.var_pop(target).alias("v"), F.count("*").alias("n"))
        row = inside.agg(F.sum(F.col("v") * F.col("n")) / F.sum("n")).first()
        whole = rows.agg(F.var_pop(target)).first()
        left, all_of_it = (row[0] if row else None), (whole[0] if whole else None)
    else:
        pairs = rows.groupBy(value.alias("c"), target.alias("y")).count()
        best = pairs.groupBy("c").agg(F.max("count").alias("m"), F.sum("count").alias("n"))
        row = best.agg(1 - F.sum("m") / F.sum("n")).first()
        classes = rows.groupBy(target).count().agg(1 - F.max("count") / F.sum("count")).first()
        left, all_of_it = (row[0] if row else None), (classes[0] if classes else None)
    if not all_of_it or left is None or left > (1 - SUSPICIOUS) * all_of_it:
        return None
    return "knowing it, the label is all but known"
