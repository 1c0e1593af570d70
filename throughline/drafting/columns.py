"""What a table's columns look like: the figures that a draft is made from, in a few Spark jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from throughline.errors import UserError
from throughline.features.op import Kind, quoted
from throughline.features.schema import kinds_of

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

COUNTED_EXACTLY = 100
"""Spark counts so few different values exactly, and more of them about."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Its name.
        kind: What it holds.
        rows: How many rows the table has.
        missing: In how many of them the column is missing.
        distinct: How many values it has; above ``COUNTED_EXACTLY`` about so many.
        lowest: The least value, of a number or a moment.
        highest: The greatest one.
        whole: Whether all its numbers are whole.
    """

    name: str
    kind: Kind
    rows: int
    missing: int
    distinct: int
    lowest: Any = None
    highest: Any = None
    whole: bool = False

    @property
    def missing_share(self) -> float:
        """The share of the rows that miss it."""
        return self.missing / max(self.rows, 1)


@dataclass(frozen=True)
class Table:
    """A table's columns by name, and the columns that a plan cannot read."""

    columns: Mapping[str, Column]
    unread: Sequence[str] = field(default=())

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return next((column.rows for column in self.columns.values()), 0)


def look_at(table: "DataFrame", name: str) -> Table:
    """Counts missing and distinct values and finds the ranges, in one job.

    Raises:
        UserError: If the table has no row or no column that can be read.
    """
    from pyspark.sql import functions as F

    kinds = kinds_of(table)
    figures: list[SparkColumn] = [F.count(F.lit(1))]
    for column, kind in kinds.items():
        figures += _figures(F.col(quoted(column)), kind)
    found = list(
        table.agg(*[figure.alias(f"f{i}") for i, figure in enumerate(figures)]).first() or ()
    )
    rows = found.pop(0) if found else 0
    if not rows or not kinds:
        raise UserError(f"The table {name} has no rows to draft a recipe from.")
    columns = {}
    for i, (column, kind) in enumerate(kinds.items()):
        present, distinct, lowest, highest, whole = found[5 * i : 5 * i + 5]
        columns[column] = Column(
            column, kind, rows, rows - present, min(distinct, present), lowest, highest, bool(whole)
        )
    return Table(columns, tuple(name for name in table.columns if name not in kinds))


def _figures(column: "SparkColumn", kind: Kind) -> "list[SparkColumn]":
    """Present, distinct, least, greatest, and whether all are whole."""
    from pyspark.sql import functions as F

    ranged = kind in ("number", "time")
    nothing = F.lit(None)
    return [
        F.count(column),
        F.approx_count_distinct(column, 0.02),
        F.min(column) if ranged else nothing,
        F.max(column) if ranged else nothing,
        F.bool_and(column == F.floor(column)) if kind == "number" else nothing,
    ]


def unique_key(table: "DataFrame", columns: Sequence[Column]) -> str | None:
    """The first column without a missing value whose values all differ; counted exactly.

    A moment is taken last: it tells more than which row it is.
    """
    from pyspark.sql import functions as F

    likely = [c for c in columns if not c.missing and c.distinct > 0.9 * c.rows]
    likely = [c for c in likely if c.kind == "text" or c.whole or c.kind == "time"]
    likely = sorted(likely, key=lambda c: c.kind == "time")[:5]
    if not likely:
        return None
    counts = table.agg(
        *[F.count_distinct(quoted(c.name)).alias(f"d{i}") for i, c in enumerate(likely)]
    )
    exact = counts.first() or ()
    unique = (c.name for c, count in zip(likely, exact, strict=False) if count == c.rows)
    return next(unique, None)
