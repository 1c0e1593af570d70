"""Figures of groups of training rows: learnt in one job, joined to any row."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import narwhals as nw
from pydantic import BaseModel, ConfigDict

from throughline.errors import UserError
from throughline.features.lookup import Lookup
from throughline.features.native import Expressions, PolarsFrame
from throughline.features.op import Frame, Kind, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEY_KINDS: frozenset[Kind] = frozenset({"number", "text", "boolean", "category"})
"""The kinds of column that rows can be grouped by."""


Function = Literal["count", "distinct", "mean", "std", "min", "max"]

MOST_GROUPS = 100_000
"""More are refused: the driver and every served model hold them."""

COUNTS: frozenset[Function] = frozenset({"count", "distinct"})
"""The functions that are 0 where there is nothing, and that read columns of any kind."""


class GroupFigures(BaseModel):
    """Figures per group, and those of the whole table.

    A row gets the whole table's figure where its group is not known, its key is missing, or its
    group has no such figure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookup: Lookup
    whole: dict[str, float | None]

    def join(self, frame: Frame) -> Frame:
        """Adds the figures of each row's group."""
        return self._filled.added_to(self.lookup.join(frame))

    def joined_to(self, native: PolarsFrame) -> PolarsFrame:
        """What :meth:`join` does to a Polars frame or query."""
        return self.lookup.joined_to(native).with_columns(self._filled.polars)

    @cached_property
    def _filled(self) -> Expressions:
        known = {name: value for name, value in self.whole.items() if value is not None}
        return Expressions(nw.col(name).fill_null(value) for name, value in known.items())


def figure(function: Function, of: str) -> "Column":
    """A function's figure of the values of a column that are there."""
    from pyspark.sql import functions as F

    compute: dict[Function, Callable[..., Column]] = {
        "count": F.count,
        "distinct": F.count_distinct,
        "mean": F.mean,
        "std": F.stddev,
        "min": F.min,
        "max": F.max,
    }
    return compute[function](F.col(quoted(of)))


def figures_of_groups(
    rows: "DataFrame", keys: Sequence[str], figures: "Iterable[Column]", tables: int = 1
) -> list[tuple[Any, ...]]:
    """Each group's keys and figures, by one job; rows that miss a key are in no group.

    Args:
        rows: The rows.
        keys: The columns to group by.
        figures: What to compute.
        tables: Into how many tables, of at most ``MOST_GROUPS`` each, the groups will be dealt.

    Raises:
        UserError: If there are more groups than a plan can carry.
    """
    by = [quoted(key) for key in keys]
    columns = [column.cast("double").alias(f"__{i}") for i, column in enumerate(figures)]
    groups = rows.groupBy(*by).agg(*columns).dropna(subset=by).orderBy(*by)
    found = [tuple(row) for row in groups.limit(tables * MOST_GROUPS + 1).toLocalIterator()]
    check_number_of_groups(len(found), keys, tables)
    return found


def check_number_of_groups(count: int, keys: Sequence[str], tables: int = 1) -> None:
    """Raises a UserError if there are more groups than a plan can carry."""
    if count > tables * MOST_GROUPS:
        by = [key for key in keys if not key.startswith("__")]
        raise UserError(
            f"Grouping by {', '.join(by)} makes more than {MOST_GROUPS:,} groups, which every "
            "model would carry; group by columns of fewer values."
        )


def smoothed(mean: float | None, rows: float, whole: float | None, weight: float) -> float | None:
    """A group's mean drawn towards the whole table's, as if ``weight`` more rows had the latter.

    Source: the m-estimate of Micci-Barreca (see ``out_of_fold``), which scikit-learn's
    TargetEncoder uses too.
    """
    if mean is None or whole is None or not weight:
        return mean
    return (rows * mean + weight * whole) / (rows + weight)
