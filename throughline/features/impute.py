"""``impute``: missing numbers become the training rows' mean, median or most frequent value."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals as nw
from pydantic import Field

from throughline.errors import UserError
from throughline.features.op import FittedOp, Kind, Op, Schema, quoted, scalar

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class FittedImpute(FittedOp):
    """The value that stands in for a missing one, per column."""

    name: ClassVar[str] = "impute"
    values: dict[str, float]
    flag: bool = False

    def expressions(self) -> list[nw.Expr]:
        """Each column filled, and before that its missing flag where asked for."""
        filled = [
            nw.col(column).cast(nw.Float64).fill_null(value).alias(column)
            for column, value in self.values.items()
        ]
        flags = [
            nw.col(column).is_null().cast(nw.Float64).alias(missing_flag(column))
            for column in (self.values if self.flag else ())
        ]
        return flags + filled


class Impute(Op):
    """Fills missing numbers with a statistic of the training rows.

    With ``flag``, a column ``<column>_missing`` (1 or 0) keeps what was missing: rows are often not
    missing at random. The median is Spark's approximate one (relative error 1e-4).
    """

    name: ClassVar[str] = "impute"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number"})

    columns: tuple[str, ...] = Field(min_length=1)
    strategy: Literal["mean", "median", "mode"] = "median"
    flag: bool = Field(default=False, description="Add <column>_missing.")

    def reads(self) -> list[str]:
        """The columns to impute."""
        return list(self.columns)

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns, and their flags."""
        flags = [missing_flag(column) for column in self.columns] if self.flag else []
        return dict.fromkeys([*self.columns, *flags], "number")

    def statistics(self) -> "dict[str, Column]":
        """The statistic of each column."""
        from pyspark.sql import functions as F

        compute = {
            "mean": F.mean,
            "median": lambda column: F.percentile_approx(column, 0.5, 10_000),
            "mode": F.mode,
        }[self.strategy]
        return {column: compute(F.col(quoted(column))) for column in self.columns}

    def fit(self, training: "DataFrame", statistics: Mapping[str, Any]) -> FittedImpute:
        """Keeps the statistics.

        Raises:
            UserError: If a column has no value at all in the training rows.
        """
        values = {column: scalar(statistics[column]) for column in self.columns}
        for column, value in values.items():
            if value is None:
                raise UserError(
                    f"The op impute found no value of {column!r} in the training rows; "
                    "drop the column or use fill."
                )
        known = {column: value for column, value in values.items() if value is not None}
        return FittedImpute(values=known, flag=self.flag)


def missing_flag(column: str) -> str:
    """The name of a column's missing flag."""
    return f"{column}_missing"
