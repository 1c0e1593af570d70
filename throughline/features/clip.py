"""``clip``: numbers kept between two bounds, given or learnt (winsorizing).

Source: Tukey, "The future of data analysis", Annals of Mathematical Statistics 33(1), 1962.
"""

from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
from pydantic import Field, model_validator

from throughline.features.columns import ColumnsOp
from throughline.features.op import FittedOp, Kind, Learnt, Schema, quoted, scalar

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Bounds = tuple[float | None, float | None]


class FittedClip(FittedOp):
    """The lowest and the highest value of each column; None leaves that side open."""

    name: ClassVar[str] = "clip"
    bounds: dict[str, Bounds]

    def expressions(self) -> list[nw.Expr]:
        """Each column between its bounds; missing values stay missing."""
        return [_clipped(column, *bounds).alias(column) for column, bounds in self.bounds.items()]

    def describe(self) -> dict[str, str]:
        """The bounds of each column."""
        return {column: _in_words(*bounds) for column, bounds in self.bounds.items()}


class Clip(ColumnsOp):
    """Moves numbers outside of two bounds onto the nearer one; missing values stay missing.

    The bounds are given by ``low`` and ``high`` (one is enough), or learnt as two ``quantiles`` of
    the training rows, by Spark's approximate ones (relative error 1e-4). A column without any value
    in the training rows gets no learnt bounds.
    """

    name: ClassVar[str] = "clip"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number"})

    low: float | None = Field(default=None, allow_inf_nan=False)
    high: float | None = Field(default=None, allow_inf_nan=False)
    quantiles: tuple[float, float] | None = Field(
        default=None, description="Two shares of the training rows, such as [0.01, 0.99]."
    )

    @model_validator(mode="after")
    def _possible_bounds(self) -> "Clip":
        given = [bound for bound in (self.low, self.high) if bound is not None]
        if bool(given) == bool(self.quantiles):
            raise ValueError("clip needs 'low' or 'high' or both, or else 'quantiles'")
        if sorted(given) != given:
            raise ValueError(f"clip's low {self.low:g} is above its high {self.high:g}")
        if self.quantiles and not 0 <= self.quantiles[0] < self.quantiles[1] <= 1:
            raise ValueError("clip's quantiles must rise and lie from 0 to 1, as in [0.01, 0.99]")
        return self

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns."""
        return dict.fromkeys(self.columns, "number")

    def statistics(self) -> "dict[str, Column]":
        """The two quantiles of each column, where they are wanted."""
        from pyspark.sql import functions as F

        if not self.quantiles:
            return {}
        shares = list(self.quantiles)
        return {c: F.percentile_approx(F.col(quoted(c)), shares, 10_000) for c in self.columns}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedClip:
        """Keeps the bounds."""
        if not self.quantiles:
            return FittedClip(bounds=dict.fromkeys(self.columns, (self.low, self.high)))
        found = {name: learnt.statistics[name] or (None, None) for name in self.columns}
        bounds = {name: (scalar(low), scalar(high)) for name, (low, high) in found.items()}
        return FittedClip(bounds=bounds)


def _clipped(column: str, low: float | None, high: float | None) -> nw.Expr:
    number = nw.col(column).cast(nw.Float64)
    return number if low is None and high is None else number.clip(low, high)


def _in_words(low: float | None, high: float | None) -> str:
    parts = [f"from {low:.6g}"] if low is not None else []
    parts += [f"to {high:.6g}"] if high is not None else []
    return f"kept {' '.join(parts)}" if parts else "no value to learn bounds from; left as it is"
