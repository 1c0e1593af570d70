"""``impute_by_group``: missing numbers become the mean or median of the row's group."""

from typing import TYPE_CHECKING, ClassVar, Literal

import narwhals as nw
from pydantic import model_validator

from throughline.errors import UserError
from throughline.features.columns import Columns
from throughline.features.groups import KEY_KINDS, GroupFigures, figures_of_groups
from throughline.features.imputing import ImputingOp, mean_or_median, missing_flags
from throughline.features.lookup import Lookup
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Schema, scalar

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class FittedImputeByGroup(FittedOp):
    """What stands in for a missing value, per column and group, and in any other group."""

    name: ClassVar[str] = "impute_by_group"
    columns: tuple[str, ...]
    groups: GroupFigures
    flag: bool = False

    def expressions(self) -> list[nw.Expr]:
        """Each column filled from its group's figure, and its missing flag where asked for."""
        filled = [
            nw.coalesce(nw.col(column).cast(nw.Float64), nw.col(_figure(column))).alias(column)
            for column in self.columns
        ]
        return missing_flags(self.columns if self.flag else ()) + filled

    def apply(self, frame: Frame) -> Frame:
        """Fills the columns."""
        return super().apply(self.groups.join(frame)).drop(*self.groups.whole)

    def describe(self) -> dict[str, str]:
        """The groups, and the value of a row in none of them."""
        by = " and ".join(self.groups.lookup.keys)
        count = len(next(iter(self.groups.lookup.keys.values())))
        return {
            column: f"missing values become that of one of {count} groups by {by}, "
            f"else {self.groups.whole[_figure(column)]:.6g}"
            for column in self.columns
        }


class ImputeByGroup(ImputingOp):
    """Fills missing numbers with a statistic of the training rows that share the ``by`` columns.

    A row whose group is not among the training rows or has no value, or whose key is missing, gets
    the statistic of all training rows. With ``flag``, a column ``<column>_missing`` (1 or 0) keeps
    what was missing. The median is Spark's approximate one (relative error 1e-4).

    Source: Little and Rubin, "Statistical analysis with missing data", Wiley, 3rd edition 2019,
    section 4.2 (imputing means within adjustment cells).
    """

    name: ClassVar[str] = "impute_by_group"
    accepts: ClassVar[frozenset[Kind]] = KEY_KINDS

    by: Columns
    strategy: Literal["mean", "median"] = "median"

    @model_validator(mode="after")
    def _groups_by_others(self) -> "ImputeByGroup":
        for column in self.columns:
            if column in self.by:
                raise ValueError(f"{column!r} is both imputed and grouped by")
        return self

    def reads(self) -> list[str]:
        """The columns to impute, and those that make the groups."""
        return [*self.columns, *self.by]

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the columns to impute are numbers."""
        after = super().check(schema)
        for column in self.columns:
            if schema[column] != "number":
                raise UserError(
                    f"The op impute_by_group cannot impute the column {column!r}, which is of kind "
                    f"{schema[column]}; it imputes numbers."
                )
        return after

    def statistics(self) -> "dict[str, Column]":
        """The statistic of each column."""
        return {column: mean_or_median(self.strategy, column) for column in self.columns}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedImputeByGroup:
        """Computes the statistics per group, in one job for all columns.

        Raises:
            UserError: If a column has no value at all in the training rows.
        """
        whole = {_figure(column): scalar(learnt.statistics[column]) for column in self.columns}
        for column in self.columns:
            if whole[_figure(column)] is None:
                raise self.no_value(column)
        rows = figures_of_groups(training, self.by, self.statistics().values())
        groups = GroupFigures(lookup=Lookup.of(self.by, list(whole), rows), whole=whole)
        return FittedImputeByGroup(columns=self.columns, groups=groups, flag=self.flag)


def _figure(column: str) -> str:
    return f"__of_group_{column}"
