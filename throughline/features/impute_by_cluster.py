"""``impute_by_cluster``: missing numbers become the mean of the training rows that are most alike.

Rows are clustered by k-means on columns that are complete (Spark ML's, which starts from k-means||:
Bahmani et al., "Scalable k-means++", VLDB 2012). The cluster's mean stands in for what is missing.
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
import numpy as np
import polars as pl
from pydantic import Field, model_validator

from throughline.errors import UserError
from throughline.features.centres import NEAREST, Centres, double, known
from throughline.features.columns import Columns
from throughline.features.imputing import ImputingOp, missing_flags
from throughline.features.native import Expressions, collected, like
from throughline.features.op import (
    FittedOp,
    Frame,
    Kind,
    Learnt,
    listed,
    quoted,
    scalar,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_MOST_ROWS = 300_000
"""The rows that the centres are learnt from, about; 64 centres need no more."""


class FittedImputeByCluster(FittedOp):
    """The centres, each column's mean per centre, and its whole mean.

    Attributes:
        centres: The centres.
        means: Per column the mean of each cluster.
        whole: Per column the mean of all rows.
        flag: Whether missing flags are added.
    """

    name: ClassVar[str] = "impute_by_cluster"
    centres: Centres
    means: dict[str, list[float]]
    whole: dict[str, float]
    flag: bool = False

    def apply(self, frame: Frame) -> Frame:
        """Fills the columns; one kernel per engine."""
        table = self._flags.added_to(frame).to_native()
        if frame.implementation.is_pyspark():
            return nw.from_native(self._on_spark(table))
        return nw.from_native(like(table, self._on_polars(collected(table))))

    @cached_property
    def _flags(self) -> Expressions:
        return Expressions(missing_flags(self.whole if self.flag else ()))

    def _on_spark(self, table: "DataFrame") -> "DataFrame":
        from pyspark.sql import functions as F

        missing = F.lit(False)
        for column in self.whole:
            missing = missing | F.col(quoted(column)).isNull()
        found = self.centres.with_nearest(table, missing)
        filled = {column: self._filled(column) for column in self.whole}
        return found.withColumns(filled).drop(NEAREST)

    def _filled(self, column: str) -> "Column":
        from pyspark.sql import functions as F

        means = F.expr(f"array({', '.join(map(double, self.means[column]))})[{NEAREST} - 1]")
        value = F.col(quoted(column)).cast("double")
        return F.coalesce(value, means, F.lit(self.whole[column]))

    def _on_polars(self, table: pl.DataFrame) -> pl.DataFrame:
        missing = np.any([table[column].is_null().to_numpy() for column in self.whole], axis=0)
        complete, nearest = self.centres.nearest(table.filter(missing))
        rows = np.flatnonzero(missing)[complete]
        filled = []
        for column, whole in self.whole.items():
            stand_in = np.full(len(table), whole)
            stand_in[rows] = np.array(self.means[column])[nearest]
            filled.append(table[column].cast(pl.Float64).fill_null(pl.Series(stand_in)))
        return table.with_columns(filled)

    def describe(self) -> dict[str, str]:
        """The range of the clusters' means, per column."""
        return {
            column: f"missing values become the mean of the nearest of {len(means)} clusters "
            f"({min(means):.6g} to {max(means):.6g}), or {self.whole[column]:.6g}"
            for column, means in self.means.items()
        }


class ImputeByCluster(ImputingOp):
    """Fills missing numbers with the mean of the row's cluster.

    Clusters are made of the ``using`` columns, standardised; the centres are learnt on about
    300,000 rows at most, the means on all. A row that misses one of ``using``, and a cluster where
    the column is never there, get the whole mean.
    """

    name: ClassVar[str] = "impute_by_cluster"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number"})

    using: Columns = Field(description="Numbers that are seldom missing.")
    clusters: int = Field(default=64, ge=2, le=256)
    seed: int = 7

    @model_validator(mode="after")
    def _apart(self) -> "ImputeByCluster":
        if both := set(self.columns) & set(self.using):
            raise ValueError(f"{min(both)!r} cannot be imputed by itself; take it out of 'using'")
        return self

    def reads(self) -> list[str]:
        """The columns to impute and those that make the clusters."""
        return [*self.columns, *self.using]

    def statistics(self) -> "dict[str, Column]":
        """The means of all columns, and the deviations of those that make the clusters."""
        from pyspark.sql import functions as F

        complete = F.lit(True)
        for name in self.using:
            complete = complete & known(name)
        means = {f"mean {name}": F.mean(_value(name)) for name in self.reads()}
        deviations = {f"deviation {name}": _deviation(name) for name in self.using}
        return {**means, **deviations, "complete": F.count_if(complete)}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedImputeByCluster:
        """Finds the centres, and in one more job the clusters' means.

        Raises:
            UserError: If a column has no value in the training rows, or no row has all of
                ``using``.
        """
        found = {name: scalar(value) for name, value in learnt.statistics.items()}
        if not found["complete"]:
            raise UserError(
                f"The op impute_by_cluster found no value of {listed(self.using)} in the training "
                "rows, or no row with all of them; take other columns for 'using'."
            )
        whole = {column: self._whole(column, found) for column in self.columns}
        centres = self._centres(training, found)
        means = _means_by_cluster(training, centres, whole)
        return FittedImputeByCluster(centres=centres, means=means, whole=whole, flag=self.flag)

    def _whole(self, column: str, found: dict[str, float | None]) -> float:
        mean = found[f"mean {column}"]
        if mean is None:
            raise self.no_value(column)
        return mean

    def _centres(self, training: "DataFrame", found: dict[str, Any]) -> Centres:
        """Spark ML's k-means on the standardised columns of the rows that have all of them."""
        from pyspark.ml.clustering import KMeans
        from pyspark.ml.feature import VectorAssembler

        space = Centres(
            using=self.using,
            means=tuple(found[f"mean {name}"] for name in self.using),
            deviations=tuple(found[f"deviation {name}"] or 1.0 for name in self.using),
            points=(),
        )
        rows = training
        for name in self.using:
            rows = rows.where(known(name))
        if (share := _MOST_ROWS / found["complete"]) < 1:
            rows = rows.sample(share, self.seed)
        columns = [space.coordinate(i) for i in range(len(self.using))]
        rows = VectorAssembler(inputCols=columns, outputCol="features").transform(
            space.standardised(rows).select(columns)
        )
        model = KMeans(k=self.clusters, seed=self.seed).fit(rows)
        points = [tuple(float(c) for c in centre) for centre in model.clusterCenters()]
        return space.model_copy(update={"points": tuple(points)})


def _means_by_cluster(
    training: "DataFrame", centres: Centres, whole: dict[str, float]
) -> dict[str, list[float]]:
    """Each column's mean over the rows of each cluster; the whole mean where there is none."""
    from pyspark.sql import functions as F

    rows = centres.with_nearest(training, F.lit(True)).where(f"{NEAREST} is not null")
    aggregates = [F.mean(_value(column)).alias(f"m{i}") for i, column in enumerate(whole)]
    by_cluster = {row[0]: row[1:] for row in rows.groupBy(NEAREST).agg(*aggregates).collect()}
    means: dict[str, list[float]] = {}
    for i, (column, mean) in enumerate(whole.items()):
        rows_of = [by_cluster.get(k + 1, {i: None})[i] for k in range(len(centres.points))]
        means[column] = [mean if found is None else float(found) for found in rows_of]
    return means


def _deviation(name: str) -> "Column":
    """A deviation; missing for a constant column, which rounding could give a spread."""
    from pyspark.sql import functions as F

    value = _value(name)
    return F.when(F.min(value) < F.max(value), F.stddev_pop(value))


def _value(name: str) -> "Column":
    """A number, missing where it is not finite."""
    from pyspark.sql import functions as F

    return F.when(known(name), F.col(quoted(name)))
