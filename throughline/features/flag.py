"""``flag``: 1 where a condition holds, 0 where it does not or cannot be told."""

from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
from pydantic import Field, field_validator

from throughline.expressions import check_condition, check_kinds, columns_of, compile_expression
from throughline.features.op import FittedOp, Kind, Learnt, Op, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class FittedFlag(FittedOp):
    """A named condition."""

    name: ClassVar[str] = "flag"
    column: str
    when: str

    def expressions(self) -> list[nw.Expr]:
        """The condition as 1 and 0."""
        condition = compile_expression(self.when).fill_null(False)
        return [condition.cast(nw.Float64).alias(self.column)]

    def describe(self) -> dict[str, str]:
        """The condition."""
        return {self.column: f"1 where {self.when}"}


class Flag(Op):
    """Adds a column that is 1 where the condition ``when`` holds, else 0."""

    name: ClassVar[str] = "flag"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number", "text", "boolean"})

    column: str = Field(alias="name", description="The name of the new column.")
    when: str = Field(description="A condition in the recipe's expression language.")

    @field_validator("when")
    @classmethod
    def _is_condition(cls, when: str) -> str:
        return check_condition(when)

    def reads(self) -> list[str]:
        """The columns of the condition."""
        return columns_of(self.when)

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the condition compares like with like."""
        after = super().check(schema)
        check_kinds(self.when, schema)
        return after

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The new column."""
        return {self.column: "number"}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedFlag:
        """There is nothing to learn."""
        return FittedFlag(column=self.column, when=self.when)
