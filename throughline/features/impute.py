"""``impute``: missing numbers become the training rows' mean, median or most frequent value."""

from typing import TYPE_CHECKING, ClassVar, Literal

import narwhals as nw

from throughline.errors import UserError
from throughline.features.imputing import ImputingOp, mean_or_median, missing_flags
from throughline.features.op import FittedOp, Kind, Learnt, Schema, scalar

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class FittedImpute(FittedOp):
    """The value that stands in for a missing one, per column."""

    name: ClassVar[str] = "impute"
    values: dict[str, float | str]
    flag: bool = False

    def expressions(self) -> list[nw.Expr]:
        """Each column filled, and before that its missing flag where asked for."""
        filled = [
            (nw.col(column) if isinstance(value, str) else nw.col(column).cast(nw.Float64))
            .fill_null(value)
            .alias(column)
            for column, value in self.values.items()
        ]
        return missing_flags(self.values if self.flag else ()) + filled

    def describe(self) -> dict[str, str]:
        """The value of each column."""
        return {
            column: f"missing values become {v if isinstance(v, str) else format(v, '.6g')}"
            for column, v in self.values.items()
        }


class Impute(ImputingOp):
    """Fills missing values with a statistic of the training rows; text with its mode.

    Of values that are as frequent, the mode is the first in the order of their text.

    With ``flag``, a column ``<column>_missing`` (1 or 0) keeps what was missing: rows are often not
    missing at random. The median is Spark's approximate one (relative error 1e-4).
    """

    name: ClassVar[str] = "impute"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number", "text"})

    strategy: Literal["mean", "median", "mode"] = "median"

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns, each of the kind it has, and their flags."""
        return super().writes(schema) | {column: schema[column] for column in self.columns}

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that only the mode is asked of text."""
        after = super().check(schema)
        for column in self.columns:
            if schema[column] == "text" and self.strategy != "mode":
                raise UserError(
                    f"The op impute has no {self.strategy} of {column!r}, which holds text; use "
                    "the strategy mode, or fill."
                )
        return after

    def counted(self) -> dict[str, int]:
        """For the mode, the most frequent value of each column."""
        return dict.fromkeys(self.columns, 1) if self.strategy == "mode" else {}

    def statistics(self) -> "dict[str, Column]":
        """The mean or median of each column."""
        if self.strategy == "mode":
            return {}
        return {column: mean_or_median(self.strategy, column) for column in self.columns}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedImpute:
        """Keeps the statistics.

        Raises:
            UserError: If a column has no value at all in the training rows.
        """
        values = {column: self._value(column, learnt) for column in self.columns}
        for column, value in values.items():
            if value is None:
                raise self.no_value(column)
        known = {column: value for column, value in values.items() if value is not None}
        return FittedImpute(values=known, flag=self.flag)

    def _value(self, column: str, learnt: Learnt) -> float | str | None:
        if self.strategy != "mode":
            return scalar(learnt.statistics[column])
        for value, _ in learnt.counts[column][:1]:
            return value if learnt.kinds[column] == "text" else float(value)
        return None
