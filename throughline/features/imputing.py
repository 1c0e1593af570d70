"""What the ops that impute have in common: missing flags, and what stands in for a value."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import narwhals as nw
from pydantic import Field

from throughline.errors import UserError
from throughline.features.columns import ColumnsOp
from throughline.features.op import Kind, Schema, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column


class ImputingOp(ColumnsOp):
    """An op that fills the missing values of columns, and may flag where they were missing."""

    flag: bool = Field(default=False, description="Add <column>_missing.")

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns, and their flags."""
        flags = [missing_flag(column) for column in self.columns] if self.flag else []
        return dict.fromkeys([*self.columns, *flags], "number")

    def sources_of(self, written: str) -> list[str]:
        """A filled column comes from itself and what it is filled by; a flag from its column."""
        if written in self.columns:
            return [written, *[name for name in self.reads() if name not in self.columns]]
        return [column for column in self.columns if written == missing_flag(column)]

    def no_value(self, column: str) -> UserError:
        """The error for a column that no training row has a value of."""
        return UserError(
            f"The op {self.name} found no value of {column!r} in the training rows; "
            "drop the column or use fill."
        )


def missing_flag(column: str) -> str:
    """The name of a column's missing flag."""
    return f"{column}_missing"


def missing_flags(columns: Iterable[str]) -> list[nw.Expr]:
    """The flags of columns: 1 where a value is missing, else 0."""
    return [nw.col(c).is_null().cast(nw.Float64).alias(missing_flag(c)) for c in columns]


def mean_or_median(strategy: Literal["mean", "median"], column: str) -> "Column":
    """The Spark aggregate; the median is the approximate one (relative error 1e-4)."""
    from pyspark.sql import functions as F

    value = F.col(quoted(column))
    return F.mean(value) if strategy == "mean" else F.percentile_approx(value, 0.5, 10_000)
