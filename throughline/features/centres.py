"""The centres of a k-means clustering, and the nearest one to a row, without Spark ML.

One kernel per engine, since Narwhals has no way to say "the place of the least": the same sums in
the same order, in double precision, so that both give the same centre, ties included.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

NEAREST = "__nearest"
"""The column of the nearest centre's number, from 1; missing where there is none."""

_SCORES = "__scores"


@dataclass(frozen=True, eq=False)  # arrays have no truth value when models are compared
class _Arrays:
    """The points, (centres, columns), and half of each one's squared length."""

    points: npt.NDArray[np.float64]
    halves: npt.NDArray[np.float64]


class Centres(BaseModel):
    """Points in the standardised space of some columns.

    Attributes:
        using: The columns.
        means: Their means.
        deviations: Their standard deviations; 1 for a constant column.
        points: Per centre its standardised coordinates, in the order of ``using``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    using: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    points: tuple[tuple[float, ...], ...]

    @cached_property
    def _arrays(self) -> "_Arrays":
        points = np.array(self.points)
        return _Arrays(points, np.asarray((points**2).sum(axis=1) / 2))

    def standardised(self, table: "DataFrame") -> "DataFrame":
        """Adds the standardised columns, named by :meth:`coordinate`, to a Spark table."""
        return table.select("*", *[z.alias(self.coordinate(i)) for i, z in enumerate(self._z())])

    def coordinate(self, number: int) -> str:
        """The name of a standardised column."""
        return f"__z{number}"

    def with_nearest(self, table: "DataFrame", where: "Column") -> "DataFrame":
        """Adds ``NEAREST`` to the rows of a Spark table that have all columns and fit ``where``.

        The sums are written out: an expression over arrays would not be compiled.
        """
        from pyspark.sql import functions as F

        for name in self.using:
            where = where & known(name)
        scores = F.expr(f"array({', '.join(self._score(k) for k in range(len(self.points)))})")
        nearest = F.expr(f"array_position({_SCORES}, array_min({_SCORES}))")
        return (
            self.standardised(table)
            .withColumn(_SCORES, F.when(where, scores))
            .withColumn(NEAREST, nearest)
            .drop(_SCORES, *[self.coordinate(i) for i in range(len(self.using))])
        )

    def nearest(self, frame: pl.DataFrame) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Which rows of a Polars frame have all columns, and the nearest centre of those, from 0.

        Returns:
            n flags, and as many numbers as flags that are set.
        """
        values = [frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in self.using]
        complete = np.isfinite(values).all(axis=0)
        scores = np.tile(self._arrays.halves, (int(complete.sum()), 1))
        for j, column in enumerate(values):
            z = (column[complete] - self.means[j]) / self.deviations[j]
            scores -= np.multiply.outer(z, self._arrays.points[:, j])
        return complete, scores.argmin(axis=1)

    def _z(self) -> "list[Column]":
        from pyspark.sql import functions as F

        columns = [F.col(quoted(name)).cast("double") for name in self.using]
        scales = zip(columns, self.means, self.deviations, strict=True)
        return [(column - mean) / deviation for column, mean, deviation in scales]

    def _score(self, number: int) -> str:
        """Half the squared distance without the part that all centres share."""
        point = self.points[number]
        terms = [f"{self.coordinate(j)} * {double(c)}" for j, c in enumerate(point)]
        return " - ".join([double(float(self._arrays.halves[number])), *terms])


def known(name: str) -> "Column":
    """Whether a number is there, in Spark; not-a-number and infinity are not."""
    from pyspark.sql import functions as F

    return F.coalesce(F.abs(F.col(quoted(name))) < F.lit(float("inf")), F.lit(False))


def double(value: float) -> str:
    """A number as Spark SQL reads it back, to the last bit."""
    return f"({value!r}D)"
