"""``fill``: a placeholder in place of missing values."""

from typing import TYPE_CHECKING, ClassVar

import narwhals as nw
from pydantic import StrictInt

from throughline.errors import UserError
from throughline.features.columns import ColumnsOp
from throughline.features.op import FittedOp, Kind, Learnt, Schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class FittedFill(FittedOp):
    """The placeholder of some columns."""

    name: ClassVar[str] = "fill"
    columns: tuple[str, ...]
    value: str | StrictInt | float

    def expressions(self) -> list[nw.Expr]:
        """Each column with its missing values replaced."""
        return [nw.col(column).fill_null(self.value).alias(column) for column in self.columns]

    def describe(self) -> dict[str, str]:
        """The placeholder of each column."""
        return dict.fromkeys(self.columns, f"missing values become {self.value!r}")


class Fill(ColumnsOp):
    """Replaces missing values by ``value``: text in text columns, a number in number columns."""

    name: ClassVar[str] = "fill"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"number", "text"})

    value: str | StrictInt | float

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns."""
        return {column: schema[column] for column in self.columns}

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the placeholder is of the columns' kind."""
        after = super().check(schema)
        wanted = "text" if isinstance(self.value, str) else "number"
        for column in self.columns:
            if schema[column] != wanted:
                raise UserError(
                    f"The op fill cannot put {self.value!r} into the column {column!r}, which is "
                    f"of kind {schema[column]}."
                )
        return after

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedFill:
        """There is nothing to learn."""
        return FittedFill(columns=self.columns, value=self.value)
