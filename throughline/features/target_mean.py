"""``target_mean``: the label's mean per value of a column (target encoding), out-of-fold."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from throughline.errors import UserError
from throughline.features.codes import comparable
from throughline.features.columns import NumberPerColumn
from throughline.features.groups import (
    KEY_KINDS,
    MOST_GROUPS,
    GroupFigures,
    check_number_of_groups,
    smoothed,
)
from throughline.features.native import Expressions
from throughline.features.op import FittedOp, Frame, Kind, Learnt, quoted
from throughline.features.out_of_fold import (
    EVERY,
    FOLD,
    FOLDS,
    FoldFigures,
    by_fold,
    check_label_is_a_number,
    known_here,
    others,
    with_folds,
)
from throughline.features.tally import value_reader, values_by_column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_KEY = "__value"

Told = tuple[int, str | float | None, float, int]
"""A fold, a value of a column, the sum of its rows' labels, and how many rows they are."""


class FittedTargetMean(FittedOp):
    """For each column its values and the label's mean for each of them.

    Attributes:
        means: The means that all training rows tell.
        elsewhere: What training rows get instead; known where the op was fitted, kept nowhere.
    """

    name: ClassVar[str] = "target_mean"
    means: dict[str, GroupFigures]
    elsewhere: dict[str, FoldFigures] | None = Field(default=None, exclude=True, repr=False)

    def apply(self, frame: Frame) -> Frame:
        """Adds the means."""
        return self._joined(frame, self.means)

    def apply_in_training(self, frame: Frame) -> Frame:
        """Adds the means that the rows of the other folds tell."""
        return self._joined(frame, known_here(self.elsewhere))

    def _joined(self, frame: Frame, means: Mapping[str, Any]) -> Frame:
        for column, figures in means.items():
            frame = figures.join(self._keys[column].added_to(frame)).drop(_KEY)
        return frame

    @cached_property
    def _keys(self) -> dict[str, Expressions]:
        return {
            column: Expressions([comparable(column, figures.lookup.keys[_KEY]).alias(_KEY)])
            for column, figures in self.means.items()
        }

    def describe(self) -> dict[str, str]:
        """How many values each column has, and the mean of any other."""
        return {
            output: f"{len(means.lookup.keys[_KEY])} values of {column}; any other gets "
            f"{mean:.6g}; training rows get what other folds tell"
            for column, means in self.means.items()
            for output, mean in means.whole.items()
        }


class TargetMean(NumberPerColumn):
    """Adds ``<column>_target_mean``: the mean of the label over the rows with the same value.

    With two classes the label counts as 0 and 1, by the order of their names, so the mean is the
    share of the second class.

    The mean of a value is drawn towards the whole table's mean m, the more the fewer rows it has:
    (rows * mean + smoothing * m) / (rows + smoothing). A value that no training row has, and a
    missing one, get m; ``fill`` a column first to make missing a value of its own.

    The means are out-of-fold: a training row gets what the rows of the other folds tell, so its own
    label has no part in it. Every other row gets what all training rows tell.

    Source: Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes",
    SIGKDD Explorations 3(1), 2001. With the same number for its ``smooth``, scikit-learn's
    TargetEncoder learns the same means.
    """

    name: ClassVar[str] = "target_mean"
    accepts: ClassVar[frozenset[Kind]] = KEY_KINDS
    learns_from_label: ClassVar[bool] = True

    smoothing: float = Field(
        default=10, ge=0, allow_inf_nan=False, description="How many rows of the whole to mix in."
    )

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedTargetMean:
        """Sums the label per value, fold and column, in one job for all columns.

        Raises:
            UserError: If there is no label, or one of more than two classes.
        """
        if learnt.label is None:
            raise UserError(
                "The op target_mean learns from the label; name its column, as in "
                "fit_on(table, label='price')."
            )
        check_label_is_a_number(self.name, learnt)
        told = _told(training, self.columns, learnt.label)
        means = {column: self._means(column, rows) for column, rows in told.items()}
        return FittedTargetMean(
            means={column: served for column, (served, _) in means.items()},
            elsewhere={column: elsewhere for column, (_, elsewhere) in means.items()},
        )

    def _means(self, column: str, rows: list[Told]) -> tuple[GroupFigures, FoldFigures]:
        whole = {fold: _mean(rows, fold) for fold in (EVERY, *range(FOLDS))}
        groups = [
            (fold, value, smoothed(total / count, count, whole[fold], self.smoothing))
            for fold, value, total, count in rows
            if value is not None
        ]
        return by_fold(
            [_KEY], groups, {f: {TargetMean.output(column): mean} for f, mean in whole.items()}
        )


def _told(training: "DataFrame", columns: tuple[str, ...], label: str) -> dict[str, list[Told]]:
    from pyspark.sql import functions as F

    labelled = with_folds(training, label).where(F.col(quoted(label)).isNotNull())
    target = labelled.withColumn("__target", F.col(quoted(label)).cast("double"))
    sums = (F.sum("__target").alias("total"), F.count("__target").alias("count"))
    own = values_by_column(target, columns, keep=[FOLD, "__target"])
    groups = others(own.groupBy("column", "value", FOLD).agg(*sums))
    again = (F.sum("total").alias("total"), F.sum("count").alias("count"))
    elsewhere = groups.groupBy("column", "value", FOLD).agg(*again).orderBy("column", "value", FOLD)
    read = value_reader(training, columns)
    told: dict[str, list[Told]] = {column: [] for column in columns}
    most = (FOLDS + 1) * len(columns) * MOST_GROUPS
    for row in elsewhere.limit(most + 1).toLocalIterator():
        name, value = read(row["column"], row["value"])
        told[name].append((row[FOLD], value, row["total"], row["count"]))
    for name, rows in told.items():
        check_number_of_groups(len(rows), [name], FOLDS + 1)
    return told


def _mean(rows: list[Told], fold: int) -> float | None:
    """The mean of all rows that a fold is told of; missing if there are none."""
    found = [(total, count) for at, _, total, count in rows if at == fold]
    count = sum(count for _, count in found)
    return sum(total for total, _ in found) / count if count else None
