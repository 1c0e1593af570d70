"""``aggregate``: what the training rows of the same group look like."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals as nw
from pydantic import Field

from throughline.features.lookup import Lookup
from throughline.features.op import FittedOp, Frame, Kind, Op, Schema, quoted, scalar

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Function = Literal["count", "mean", "std", "min", "max"]


class FittedAggregate(FittedOp):
    """A table of figures per group, and the whole table's for a group never seen."""

    name: ClassVar[str] = "aggregate"
    lookup: Lookup
    whole: dict[str, float | None]

    def apply(self, frame: Frame) -> Frame:
        """Adds the figures of each row's group."""
        filled = [
            nw.col(column).fill_null(value)
            for column, value in self.whole.items()
            if value is not None
        ]
        joined = self.lookup.join(frame)
        return joined.with_columns(*filled) if filled else joined


class Aggregate(Op):
    """Adds figures of the column ``of`` over the training rows with the same ``by`` columns.

    A row whose group is not among the training rows, or whose key is missing, gets the whole
    table's figure, and a count of 0.
    """

    name: ClassVar[str] = "aggregate"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number", "text", "category"})

    by: tuple[str, ...] = Field(min_length=1)
    of: str
    functions: tuple[Function, ...] = Field(min_length=1)

    def reads(self) -> list[str]:
        """The keys and the column."""
        return [*self.by, self.of]

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the column is a number, unless it is only counted."""
        after = super().check(schema)
        if set(self.functions) != {"count"}:
            _numbers_only(self.of, schema)
        return after

    def _output(self, function: str) -> str:
        return f"{self.of}_{function}_by_{'_'.join(self.by)}"

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """One column per function."""
        return {self._output(function): "number" for function in self.functions}

    def statistics(self) -> "dict[str, Column]":
        """The figures of the whole table."""
        return {self._output(function): _figure(function, self.of) for function in self.functions}

    def fit(self, training: "DataFrame", statistics: Mapping[str, Any]) -> FittedAggregate:
        """Computes the figures per group, in one job."""
        outputs = list(self.statistics())
        figures = [column.alias(name) for name, column in self.statistics().items()]
        keys = [quoted(key) for key in self.by]
        rows = training.groupBy(*keys).agg(*figures).dropna(subset=list(self.by)).orderBy(*keys)
        collected = [tuple(row) for row in rows.toLocalIterator()]
        whole = {
            self._output(f): 0.0 if f == "count" else scalar(statistics[self._output(f)])
            for f in self.functions
        }
        return FittedAggregate(lookup=Lookup.of(self.by, outputs, collected), whole=whole)


def _figure(function: str, of: str) -> "Column":
    from pyspark.sql import functions as F

    compute = {"count": F.count, "mean": F.mean, "std": F.stddev, "min": F.min, "max": F.max}
    return compute[function](F.col(quoted(of))).cast("double")


def _numbers_only(column: str, schema: Schema) -> None:
    from throughline.errors import UserError

    if schema[column] != "number":
        raise UserError(
            f"The op aggregate can only count the column {column!r}, which is of kind "
            f"{schema[column]}; its other functions want numbers."
        )
