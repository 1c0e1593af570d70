"""``drop_rows``: leaves out training, validation and test rows; serving answers every row."""

from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
from pydantic import Field, model_validator

from throughline.expressions import check_condition, check_kinds, columns_of, compile_expression
from throughline.features.columns import Names
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Op, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class FittedDropRows(FittedOp):
    """Rows to leave out: those that miss a column, or those for which a condition holds."""

    name: ClassVar[str] = "drop_rows"
    missing: tuple[str, ...] = ()
    where: str | None = None

    def apply(self, frame: Frame) -> Frame:
        """Leaves those rows out."""
        for column in self.missing:
            frame = frame.filter(~nw.col(column).is_null())
        if self.where:
            frame = frame.filter(~compile_expression(self.where).fill_null(False))
        return frame


class DropRows(Op):
    """Drops rows that miss one of ``missing``, or for which ``where`` holds.

    A row for which the condition cannot be told (a missing value) stays.
    """

    name: ClassVar[str] = "drop_rows"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number", "text", "time", "boolean"})
    changes_rows: ClassVar[bool] = True

    missing: Names = Field(default=(), description="Columns that must not be missing.")
    where: str | None = Field(default=None, description="A condition; its rows are dropped.")

    @model_validator(mode="after")
    def _something_to_do(self) -> "DropRows":
        if not self.missing and not self.where:
            raise ValueError("drop_rows needs 'missing' or 'where'")
        if self.where:
            check_condition(self.where)
        return self

    def reads(self) -> list[str]:
        """The columns of both conditions."""
        return [*self.missing, *(columns_of(self.where) if self.where else [])]

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the condition compares like with like."""
        after = super().check(schema)
        if self.where:
            check_kinds(self.where, schema)
        return after

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """Nothing."""
        return {}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedDropRows:
        """There is nothing to learn."""
        return FittedDropRows(missing=self.missing, where=self.where)
