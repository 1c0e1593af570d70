"""``bin``: numbers sorted into a few ordered bins.

Source: Dougherty, Kohavi and Sahami, "Supervised and unsupervised discretization of continuous
features", ICML 1995 (equal width and equal frequency).
"""

from typing import TYPE_CHECKING, Annotated, ClassVar

import narwhals as nw
from pydantic import Field, model_validator

from throughline.features.layout import View
from throughline.features.op import FittedOp, Kind, Learnt, Op, Schema, quoted, scalar

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MOST_BINS = 256

Bins = Annotated[int, Field(ge=2, le=MOST_BINS)]
Edge = Annotated[float, Field(allow_inf_nan=False)]


class FittedBin(FittedOp):
    """The edges between the bins of a column, rising; a value on an edge is in the lower bin."""

    name: ClassVar[str] = "bin"
    column: str
    output: str
    edges: tuple[float, ...]

    def expressions(self) -> list[nw.Expr]:
        """How many edges lie below the value; one more than the last bin for a missing value."""
        value = nw.col(self.column).cast(nw.Float64)
        above = [(value > edge).cast(nw.Int32) for edge in self.edges]
        code = nw.sum_horizontal(*above) if above else nw.lit(0, dtype=nw.Int32)
        missing = nw.lit(len(self.edges) + 1, dtype=nw.Int32)
        return [
            nw.when(value.is_null()).then(missing).otherwise(code).cast(nw.Int32).alias(self.output)
        ]

    def categories(self) -> dict[str, tuple[int, View]]:
        """One code per bin, and one for missing values."""
        return {self.output: (len(self.edges) + 2, "ordinal")}

    def describe(self) -> dict[str, str]:
        """The edges."""
        if not self.edges:
            return {self.output: f"one bin of {self.column}: its training rows have one value"}
        edges = ", ".join(f"{edge:.6g}" for edge in self.edges)
        return {self.output: f"{len(self.edges) + 1} bins of {self.column}, between them {edges}"}


class Bin(Op):
    """Adds ``<column>_bin``: an ordered category of integer codes, 0 for the lowest bin.

    One of three says where the bins meet. ``edges`` lists the values between them, so two edges
    make three bins. ``quantiles: n`` makes n bins of about as many training rows each; equal
    quantiles fall together, so there may be fewer. ``width: n`` makes n bins of equal width from
    the smallest to the largest training value.

    A value on an edge is in the lower bin. Values outside of what the training rows show are in the
    first or the last bin. A missing value has a code of its own, after the last bin.
    """

    name: ClassVar[str] = "bin"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number"})

    column: str
    edges: tuple[Edge, ...] | None = Field(default=None, min_length=1, max_length=MOST_BINS - 1)
    quantiles: Bins | None = Field(default=None, description="Bins of as many rows each.")
    width: Bins | None = Field(default=None, description="Bins of equal width.")
    output: str | None = Field(
        default=None, alias="name", description="The new column; <column>_bin by default."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Bin":
        if sum(way is not None for way in (self.edges, self.quantiles, self.width)) != 1:
            raise ValueError("bin needs one of 'edges', 'quantiles' and 'width'")
        if self.edges and sorted(set(self.edges)) != list(self.edges):
            raise ValueError("bin's edges must rise, as in [10, 20, 50]")
        return self

    @property
    def _output(self) -> str:
        return self.output or f"{self.column}_bin"

    def reads(self) -> list[str]:
        """The column."""
        return [self.column]

    def sources_of(self, written: str) -> list[str]:
        """The column."""
        return [self.column]

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The bin, as a code."""
        return {self._output: "category"}

    def statistics(self) -> "dict[str, Column]":
        """The ends of the column, and its quantiles where they are wanted."""
        from pyspark.sql import functions as F

        if self.edges:
            return {}
        column = F.col(quoted(self.column)).cast("double")
        ends = {"low": F.min(column), "high": F.max(column)}
        if not self.quantiles:
            return ends
        shares = [i / self.quantiles for i in range(1, self.quantiles)]
        return {**ends, "quantiles": F.percentile_approx(column, shares, 10_000)}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedBin:
        """Keeps the edges that have training values on both sides."""
        if self.edges:
            return FittedBin(column=self.column, output=self._output, edges=self.edges)
        low, high = scalar(learnt.statistics["low"]), scalar(learnt.statistics["high"])
        edges: list[float] = []
        if low is not None and high is not None:
            found = learnt.statistics.get("quantiles") or _equal_width(low, high, self.width or 1)
            edges = sorted({float(edge) for edge in found if low <= edge < high})
        return FittedBin(column=self.column, output=self._output, edges=tuple(edges))


def _equal_width(low: float, high: float, bins: int) -> list[float]:
    return [low + (high - low) * i / bins for i in range(1, bins)]
