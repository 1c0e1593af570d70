"""``scale``: numbers brought to a common size, by what the training rows show."""

from typing import TYPE_CHECKING, ClassVar, Literal

import narwhals as nw
from pydantic import Field

from throughline.features.columns import ColumnsOp
from throughline.features.op import FittedOp, Kind, Learnt, Schema, quoted, scalar

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Method = Literal["standard", "min_max", "robust"]


class FittedScale(FittedOp):
    """What is subtracted from each column, and what it is divided by then."""

    name: ClassVar[str] = "scale"
    centre: dict[str, float]
    spread: dict[str, float]

    def expressions(self) -> list[nw.Expr]:
        """Each column scaled."""
        return [
            ((nw.col(column).cast(nw.Float64) - self.centre[column]) / self.spread[column]).alias(
                column
            )
            for column in self.centre
        ]

    def describe(self) -> dict[str, str]:
        """The two numbers of each column."""
        return {
            column: f"minus {self.centre[column]:.6g}, divided by {self.spread[column]:.6g}"
            for column in self.centre
        }


class Scale(ColumnsOp):
    """Scales columns by their training rows; a constant column becomes 0.

    ``standard``: mean 0, deviation 1. ``min_max``: 0 to 1. ``robust``: median 0, quartile
    distance 1.
    """

    name: ClassVar[str] = "scale"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number"})

    method: Method = Field(default="standard", alias="with")

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns."""
        return dict.fromkeys(self.columns, "number")

    def statistics(self) -> "dict[str, Column]":
        """Centre and spread of each column, as one struct."""
        from pyspark.sql import functions as F

        def of(name: str) -> "Column":
            column = F.col(quoted(name))
            if self.method == "standard":
                spread = F.when(F.min(column) < F.max(column), F.stddev_pop(column))
                return F.array(F.mean(column), spread)  # rounding gives a constant one a spread
            if self.method == "min_max":
                return F.array(F.min(column), F.max(column) - F.min(column)).cast("array<double>")
            low, middle, high = (F.percentile_approx(column, q, 10_000) for q in (0.25, 0.5, 0.75))
            return F.array(middle, high - low).cast("array<double>")

        return {column: of(column) for column in self.columns}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedScale:
        """Keeps the statistics; a column without any value or spread is only centred."""
        centre = {column: scalar(learnt.statistics[column][0]) or 0.0 for column in self.columns}
        spread = {column: scalar(learnt.statistics[column][1]) or 1.0 for column in self.columns}
        return FittedScale(centre=centre, spread=spread)
