"""``interact``: what columns say together: the product of numbers, the crossing of categories.

Source: Cheng et al., "Wide & deep learning for recommender systems", DLRS 2016 (crossed features).
"""

from functools import reduce
from operator import mul
from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
from pydantic import Field

from throughline.errors import UserError
from throughline.features.expression import finite
from throughline.features.op import FittedOp, Kind, Learnt, Op, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BETWEEN = " & "


class FittedInteract(FittedOp):
    """Columns that are multiplied, or joined as text."""

    name: ClassVar[str] = "interact"
    columns: tuple[str, ...]
    output: str
    crossed: bool

    def expressions(self) -> list[nw.Expr]:
        """The product or the crossing; missing where one of the columns is missing."""
        if self.crossed:
            texts = [nw.col(column).cast(nw.String) for column in self.columns]
            return [nw.concat_str(*texts, separator=BETWEEN).alias(self.output)]
        numbers = [nw.col(column).cast(nw.Float64) for column in self.columns]
        return [finite(reduce(mul, numbers)).alias(self.output)]

    def describe(self) -> dict[str, str]:
        """What is made of which columns."""
        return {self.output: (BETWEEN if self.crossed else " * ").join(self.columns)}


class Interact(Op):
    """Adds what two or more columns say together, as ``<a>_x_<b>``.

    Numbers are multiplied. Text, booleans and categories are crossed: their values are joined as
    one text, with " & " between them, for an encoding after it. The result is missing where a value
    is missing, or where a product is too large for a number.
    """

    name: ClassVar[str] = "interact"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number", "text", "boolean", "category"})

    columns: tuple[str, ...] = Field(min_length=2)
    output: str | None = Field(
        default=None, alias="name", description="The new column; <a>_x_<b> by default."
    )

    @property
    def _output(self) -> str:
        return self.output or "_x_".join(self.columns)

    def reads(self) -> list[str]:
        """The columns."""
        return list(self.columns)

    def sources_of(self, written: str) -> list[str]:
        """All columns."""
        return self.reads()

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that numbers stand with numbers only."""
        after = super().check(schema)
        if len({schema[column] == "number" for column in self.columns}) > 1:
            found = ", ".join(f"{column!r} is of kind {schema[column]}" for column in self.columns)
            raise UserError(
                f"The op interact takes only numbers, or none: {found}; bin the numbers first."
            )
        return after

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """A number or text, as the columns are."""
        kind = schema[self.columns[0]]
        return {self._output: "text" if kind in ("boolean", "category") else kind}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedInteract:
        """There is nothing to learn but the kind of the columns."""
        crossed = learnt.kinds[self.columns[0]] != "number"
        return FittedInteract(columns=self.columns, output=self._output, crossed=crossed)
