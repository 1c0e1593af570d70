"""What a preparation op is: it learns on Spark and applies on any engine.

An :class:`Op` is the recipe's line. Its ``fit`` sees the training rows, on Spark, once, and yields
a :class:`FittedOp`: a small state of plain numbers and strings whose ``apply`` is written once, in
Narwhals, for Spark (training, batch scoring) and Polars (serving).
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import narwhals as nw
from pydantic import BaseModel, ConfigDict

from throughline.errors import UserError
from throughline.features.layout import View
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
    def _built(self) -> list[nw.Expr]:
        return self.expressions()

    def apply(self, frame: Frame) -> Frame:
        """Applies the op to a Narwhals frame of either engine."""
        return frame.with_columns(*self._built)

    def apply_in_training(self, frame: Frame) -> Frame:
        """Applies the op where models are trained and measured; an op that drops rows does so here.

        Serving never calls this: every row that is sent gets an answer.
        """
        return self.apply(frame)

    def categories(self) -> dict[str, tuple[int, View]]:
        """The category columns made here: cardinality, and how a model is to see them."""
        return {}


class Op(Strict):
    """One line of a recipe's ``prepare``.

    Attributes:
        name: The op's name in a recipe.
        accepts: The kinds of column that it can read.
        changes_rows: Whether it drops rows of the training, validation and test tables.
    """

    name: ClassVar[str]
    accepts: ClassVar[frozenset[Kind]]
    changes_rows: ClassVar[bool] = False

    def reads(self) -> list[str]:
        """The columns that the op reads."""
        raise NotImplementedError

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The columns that the op adds or replaces, given the columns before it."""
        raise NotImplementedError

    def statistics(self) -> "dict[str, Column]":
        """Spark aggregates over the training rows that ``fit`` needs.

        Ops that do not read each other's columns share one pass over the rows.
        """
        return {}

    def fit(self, training: "DataFrame", statistics: Mapping[str, Any]) -> FittedOp:
        """Learns from the training rows.

        Args:
            training: The training rows, with every earlier op applied.
            statistics: The values of :meth:`statistics`, by the same names.
        """
        raise NotImplementedError

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
        return {**schema, **self.writes(schema)}


def scalar(value: Any) -> float | None:
    """A statistic as a plain float; missing and not-a-number become None."""
    return None if value is None or value != value else float(value)


def quoted(column: str) -> str:
    """A column's name as Spark SQL wants it, whatever characters it has."""
    return "`" + column.replace("`", "``") + "`"
