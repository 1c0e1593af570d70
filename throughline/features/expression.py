"""``expression``: a number computed from other columns, in the recipe's expression language."""

from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
from pydantic import Field, field_validator

from throughline.errors import UserError
from throughline.expressions import check_kinds, columns_of, compile_expression, is_condition
from throughline.features.op import FittedOp, Kind, Learnt, Op, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class FittedExpression(FittedOp):
    """A named computation."""

    name: ClassVar[str] = "expression"
    column: str
    value: str

    def expressions(self) -> list[nw.Expr]:
        """The number; missing where it cannot be computed."""
        return [finite(compile_expression(self.value)).alias(self.column)]

    def describe(self) -> dict[str, str]:
        """The computation."""
        return {self.column: self.value}


class Expression(Op):
    """Adds a number computed from other columns, such as ``arr - dep / 60``.

    It is missing where a column that it reads is missing, where it divides by zero, and where the
    result is too large for a number.
    """

    name: ClassVar[str] = "expression"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number", "category"})

    column: str = Field(alias="name", description="The name of the new column.")
    value: str = Field(description="Arithmetic in the recipe's expression language.")

    @field_validator("value")
    @classmethod
    def _is_arithmetic(cls, value: str) -> str:
        if is_condition(value):
            raise ValueError(f"{value!r} is a condition; use flag for a column of 1 and 0")
        if not columns_of(value):
            raise ValueError(f"{value!r} reads no column")
        return value

    def reads(self) -> list[str]:
        """The columns of the computation."""
        return columns_of(self.value)

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the computation yields a number."""
        after = super().check(schema)
        if (kind := check_kinds(self.value, schema)) != "number":
            raise UserError(f"The op expression wants a number, and {self.value!r} is a {kind}.")
        return after

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The new column."""
        return {self.column: "number"}

    def sources_of(self, written: str) -> list[str]:
        """The columns of the computation."""
        return self.reads()

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedExpression:
        """There is nothing to learn."""
        return FittedExpression(column=self.column, value=self.value)


def finite(value: nw.Expr) -> nw.Expr:
    """A number as float64; missing where it is infinite or not a number."""
    number = value.cast(nw.Float64)
    return nw.when(number.is_finite()).then(number)
