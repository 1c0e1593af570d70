"""What a preparation op is: it learns on Spark and applies on any engine.

An :class:`Op` is the recipe's line. Its ``fit`` sees the training rows, on Spark, once, and yields
a :class:`FittedOp`: a small state of plain numbers and strings whose ``apply`` is written once, in
Narwhals, for Spark (training, batch scoring) and Polars (serving).

There are three kinds of op, and training and serving walk them in different ways:

* most do the same to every row: ``apply``;
* those that change rows (``changes_rows``) leave some out of training and measuring. They stand
  before the others and are no part of a plan: serving answers every row;
* those that learn from the label (``learns_from_label``) give a training row what the other folds'
  rows told, by ``apply_in_training``; every other row gets what all training rows told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals as nw
import polars as pl
from pydantic import BaseModel, ConfigDict

from throughline.errors import UserError
from throughline.features.layout import View
from throughline.features.native import Expressions
from throughline.strict import Strict, nearest

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Frame = Any
"""A Narwhals frame over a Spark DataFrame or a Polars DataFrame."""

Kind = Literal["number", "text", "time", "boolean", "category"]
"""What a column holds; ``category`` are the integer codes that an encoding op makes."""

Schema = Mapping[str, Kind]


class FittedOp(BaseModel):
    """What an op learnt: plain numbers and strings, and how they are applied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    def expressions(self) -> list[nw.Expr]:
        """The columns that this op adds or replaces; all read the frame as it was before."""
        raise NotImplementedError

    @cached_property
    def _built(self) -> Expressions:
        return Expressions(self.expressions())

    def apply(self, frame: Frame) -> Frame:
        """Applies the op to a Narwhals frame of either engine."""
        return self._built.added_to(frame)

    def added_to(self, query: pl.LazyFrame) -> pl.LazyFrame:
        """Applies the op to a Polars query.

        An op that is its expressions alone does so directly: for one row, a Narwhals frame takes
        longer to make than the expressions to compute.
        """
        if type(self).apply is FittedOp.apply:
            return query.with_columns(self._built.polars)
        applied: pl.LazyFrame = self.apply(nw.from_native(query)).to_native()
        return applied

    def apply_in_training(self, frame: Frame) -> Frame:
        """Applies the op to the rows that it learnt from, on Spark."""
        return self.apply(frame)

    def categories(self) -> dict[str, tuple[int, View]]:
        """The category columns made here: cardinality, and how a model is to see them."""
        return {}

    def describe(self) -> dict[str, str]:
        """What was learnt, in words: a sentence per column; empty where there was nothing."""
        return {}

    def transform(self, table: Any) -> Any:
        """Applies the op to a Spark, Polars or pandas frame, for a look at it in a notebook."""
        native = pl.from_pandas(table) if hasattr(table, "iloc") else table
        return self.apply(nw.from_native(native)).to_native()


@dataclass(frozen=True)
class Learnt:
    """What the shared pass over the training rows found for one op.

    Attributes:
        statistics: The values of the op's :meth:`Op.statistics`, by the same names.
        counts: For each of the op's :meth:`Op.counted` columns its values, most frequent first, and
            how many training rows have them.
        label: The label's column, where the rows have one.
        kinds: What the columns hold that the op reads.
        classes: How many classes the label has; None where it is a number.
    """

    statistics: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, "Counts"] = field(default_factory=dict)
    label: str | None = None
    kinds: "Schema" = field(default_factory=dict)
    classes: int | None = None


Counts = Sequence[tuple[str | float, int]]
"""Values and in how many rows they stand; whole numbers and booleans as text."""


class Op(Strict):
    """One line of a recipe's ``prepare``.

    Attributes:
        name: The op's name in a recipe.
        accepts: The kinds of column that it can read.
        changes_rows: Whether it leaves rows out, of the training, validation and test tables.
        learns_from_label: Whether it may read the label, and gives training rows values that the
            rows of other folds told.
    """

    name: ClassVar[str]
    accepts: ClassVar[frozenset[Kind]]
    changes_rows: ClassVar[bool] = False
    learns_from_label: ClassVar[bool] = False

    def reads(self) -> list[str]:
        """The columns that the op reads, to learn or to apply."""
        raise NotImplementedError

    def needs_folds(self, label: str | None) -> bool:
        """Whether the training rows need folds, given the label."""
        return self.learns_from_label

    def applies_to(self) -> list[str]:
        """The columns that the fitted op reads; a request has to carry them."""
        return self.reads()

    def removes(self) -> list[str]:
        """The columns that are gone after the op."""
        return []

    def sources_of(self, written: str) -> list[str]:
        """The columns that a column written here comes from."""
        return [written] if written in self.reads() else self.reads()

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The columns that the op adds or replaces, given the columns before it."""
        raise NotImplementedError

    def statistics(self) -> "dict[str, Column]":
        """Spark aggregates over the training rows that ``fit`` needs.

        Ops that do not read each other's columns share one pass over the rows.
        """
        return {}

    def counted(self) -> dict[str, int]:
        """The columns whose values are to be counted, and how many of the most frequent at most.

        The columns of all ops of a pass are counted in one job.
        """
        return {}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedOp:
        """Learns from the training rows.

        Args:
            training: The training rows, with every earlier op applied.
            learnt: What the shared pass over them found.
        """
        raise NotImplementedError

    def fit_on(self, table: Any, label: str | None = None) -> Any:
        """Fits this one op on a Spark, pandas or Polars frame, for a look at it in a notebook.

        Args:
            table: The frame.
            label: The label's column, for an op that learns from it.

        Raises:
            UserError: If the op cannot work on the columns there are.
        """
        from throughline.features.fitting import fit_one

        return fit_one(self, table, label)

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Checks that the op can work on columns of these kinds; returns the columns after it.

        Raises:
            UserError: If a column is not there, or is of a kind that the op cannot read.
        """
        for column in self.reads():
            if column not in schema:
                raise UserError(
                    f"The op {self.name} reads the column {column!r}, which is not in the table at "
                    f"that point; {nearest(column, schema)}."
                )
            if schema[column] not in self.accepts:
                raise UserError(
                    f"The op {self.name} cannot read the column {column!r}, which is of kind "
                    f"{schema[column]}; it reads {' or '.join(sorted(self.accepts))}."
                )
        left = {name: kind for name, kind in schema.items() if name not in self.removes()}
        return left | self.writes(schema)


def scalar(value: Any) -> float | None:
    """A statistic as a plain float; missing and not-a-number become None."""
    return None if value is None or value != value else float(value)


def listed(values: Sequence[object], limit: int = 5) -> str:
    """The first values, for people."""
    shown = ", ".join(str(value) for value in values[:limit])
    return f"{shown}, ..." if len(values) > limit else shown


def quoted(column: str) -> str:
    """A column's name as Spark SQL wants it, whatever characters it has."""
    return "`" + column.replace("`", "``") + "`"
