"""``aggregate``: what the training rows of the same group look like."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import polars as pl
from pydantic import Field, model_validator

from throughline.errors import UserError
from throughline.features.columns import Columns
from throughline.features.groups import (
    COUNTS,
    KEY_KINDS,
    Function,
    GroupFigures,
    figure,
    figures_of_groups,
    smoothed,
)
from throughline.features.lookup import Lookup
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Op, Schema, scalar
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

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class FittedAggregate(FittedOp):
    """Figures per group, and the whole table's for a group never seen.

    Attributes:
        groups: The figures.
        out_of_fold: Whether they tell of the label, so that training rows get others.
        elsewhere: What training rows get then; known where the op was fitted, and kept nowhere.
    """

    name: ClassVar[str] = "aggregate"
    groups: GroupFigures
    out_of_fold: bool = False
    elsewhere: FoldFigures | None = Field(default=None, exclude=True, repr=False)

    def apply(self, frame: Frame) -> Frame:
        """Adds the figures of each row's group."""
        return self.groups.join(frame)

    def added_to(self, query: pl.LazyFrame) -> pl.LazyFrame:
        """The same to a Polars query, without a Narwhals frame in between."""
        return self.groups.joined_to(query)

    def apply_in_training(self, frame: Frame) -> Frame:
        """The same; of the label, the figures of the other folds' rows."""
        if not self.out_of_fold:
            return self.apply(frame)
        return known_here(self.elsewhere).join(frame)

    def describe(self) -> dict[str, str]:
        """How many groups there are, and the figure of any other."""
        count = len(next(iter(self.groups.lookup.figures.values())))
        fold = "; training rows get what other folds tell" if self.out_of_fold else ""
        return {
            name: f"{count} groups; any other gets {_in_words(whole)}{fold}"
            for name, whole in self.groups.whole.items()
        }


class Aggregate(Op):
    """Adds figures of the column ``of`` over the training rows with the same ``by`` columns.

    ``count`` counts the values that are there, ``distinct`` the different ones, exactly. ``std`` is
    the sample's deviation. A row whose group is not among the training rows, or whose key is
    missing, gets the whole table's figure, and a count of 0.

    ``smoothing`` draws the mean of a small group towards the whole table's mean m:
    (rows * mean + smoothing * m) / (rows + smoothing). The other functions are as they are.

    Where ``of`` is the label, the figures are out-of-fold: a training row gets those of the rows
    in the other folds (a count then is one of four fifths of the rows), and every other row those
    of all training rows. A request need not carry ``of``.

    Source: Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes",
    SIGKDD Explorations 3(1), 2001.
    """

    name: ClassVar[str] = "aggregate"
    accepts: ClassVar[frozenset[Kind]] = KEY_KINDS | {"time"}
    learns_from_label: ClassVar[bool] = True

    by: Columns
    of: str
    functions: tuple[Function, ...] = Field(min_length=1)
    smoothing: float = Field(
        default=0, ge=0, allow_inf_nan=False, description="How many rows of the whole to mix in."
    )

    @model_validator(mode="after")
    def _smooths_a_mean(self) -> "Aggregate":
        if self.smoothing and "mean" not in self.functions:
            raise ValueError("only a mean is smoothed; add 'mean' or take out 'smoothing'")
        return self

    def reads(self) -> list[str]:
        """The keys and the column."""
        return [*self.by, self.of]

    def needs_folds(self, label: str | None) -> bool:
        """If it is the label that the figures are of."""
        return self.of == label

    def applies_to(self) -> list[str]:
        """The keys alone."""
        return list(self.by)

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that keys are no times, and that what is computed with are numbers."""
        after = super().check(schema)
        for key in self.by:
            if schema[key] not in KEY_KINDS:
                raise UserError(
                    f"The op aggregate cannot group by the column {key!r}, which is of kind "
                    f"{schema[key]}; it groups by {' or '.join(sorted(KEY_KINDS))}."
                )
        if set(self.functions) - COUNTS and schema[self.of] != "number":
            raise UserError(
                f"The op aggregate can only count the column {self.of!r}, which is of kind "
                f"{schema[self.of]}; its other functions want numbers."
            )
        return after

    def _output(self, function: str) -> str:
        return f"{self.of}_{function}_by_{'_'.join(self.by)}"

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """One column per function."""
        return {self._output(function): "number" for function in self.functions}

    def statistics(self) -> "dict[str, Column]":
        """The figures of the whole table, where they are not counts."""
        return {f: figure(f, self.of) for f in self.functions if f not in COUNTS}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedAggregate:
        """Computes the figures per group, in one job; of the label, in two.

        Raises:
            UserError: If it is to compute with a label of more than two classes.
        """
        if self.needs_folds(learnt.label):
            return self._fit_out_of_fold(training, learnt)
        whole = self._whole(learnt.statistics)
        rows = figures_of_groups(training, self.by, self._figures())
        told = [self._told(row, whole) for row in rows]
        lookup = Lookup.of(self.by, list(whole), told)
        return FittedAggregate(groups=GroupFigures(lookup=lookup, whole=whole))

    def _fit_out_of_fold(self, training: "DataFrame", learnt: Learnt) -> FittedAggregate:
        if set(self.functions) - COUNTS:
            check_label_is_a_number(self.name, learnt)
        rows = others(with_folds(training, learnt.label))
        found = {row[0]: row[1:] for row in figures_of_groups(rows, [FOLD], self._figures())}
        nothing = [None] * (len(self.functions) + 1)
        whole = {
            fold: self._whole(dict(zip(self.functions, found.get(fold, nothing), strict=False)))
            for fold in (EVERY, *range(FOLDS))
        }
        groups = figures_of_groups(rows, [FOLD, *self.by], self._figures(), FOLDS + 1)
        told = [self._told(row, whole[row[0]]) for row in groups]
        served, elsewhere = by_fold(self.by, told, whole)
        return FittedAggregate(groups=served, out_of_fold=True, elsewhere=elsewhere)

    def _figures(self) -> "list[Column]":
        """The functions' figures, and how many rows they are of."""
        return [figure(function, self.of) for function in (*self.functions, "count")]

    def _whole(self, figures: Mapping[str, Any]) -> dict[str, float | None]:
        return {self._output(f): 0.0 if f in COUNTS else scalar(figures[f]) for f in self.functions}

    def _told(self, row: tuple[Any, ...], whole: Mapping[str, float | None]) -> tuple[Any, ...]:
        """A group's keys and figures, from its row of keys, figures and the number of rows."""
        first = len(row) - len(self.functions) - 1
        figures = dict(zip(self.functions, map(scalar, row[first:-1]), strict=True))
        if "mean" in figures:
            mean = self._output("mean")
            figures["mean"] = smoothed(figures["mean"], row[-1], whole[mean], self.smoothing)
        return (*row[:first], *figures.values())


def _in_words(whole: float | None) -> str:
    return "a missing value" if whole is None else f"{whole:.6g}"
