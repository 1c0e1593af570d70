"""``ordinal``: categories in an order, as integer codes that a model sees as one number."""

from typing import TYPE_CHECKING, ClassVar, Literal

import narwhals as nw
from pydantic import Field, StrictFloat, StrictInt, model_validator

from throughline.errors import UserError
from throughline.features.codes import code, values_of
from throughline.features.columns import Columns
from throughline.features.layout import View
from throughline.features.op import FittedOp, Kind, Learnt, Op, Schema, listed
from throughline.features.schema import input_types

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST_CATEGORIES = 4096


class FittedOrdinal(FittedOp):
    """The known categories of each column; the code is the position.

    The code after the last one stands for every other category and for a missing value.
    """

    name: ClassVar[str] = "ordinal"
    known: dict[str, list[str] | list[float]]

    def expressions(self) -> list[nw.Expr]:
        """Each column as its code."""
        return [code(column, values).alias(column) for column, values in self.known.items()]

    def categories(self) -> dict[str, tuple[int, View]]:
        """One code per known category, and one for the rest."""
        return {column: (len(values) + 1, "ordinal") for column, values in self.known.items()}

    def describe(self) -> dict[str, str]:
        """The categories of each column, in order."""
        return {
            column: f"{len(values)} categories in order ({listed(values)}), one code for the rest"
            for column, values in self.known.items()
        }


class Ordinal(Op):
    """Encodes categories as their place in an order: the given one, or by frequency.

    ``column`` with ``order`` takes the codes from the places in the list. ``columns`` with
    ``by: frequency`` gives 0 to the most frequent category of the training rows; ties are broken by
    name, and the 4,096 most frequent ones get a code. Any other value, and a missing one, gets the
    code after the last.
    """

    name: ClassVar[str] = "ordinal"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"text", "number"})

    column: str | None = None
    order: tuple[str | StrictInt | StrictFloat, ...] | None = Field(
        default=None, min_length=1, max_length=MOST_CATEGORIES
    )
    columns: Columns | None = None
    by: Literal["frequency"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "Ordinal":
        given, learnt = (self.column, self.order), (self.columns, self.by)
        if not (all(given) and not any(learnt)) and not (all(learnt) and not any(given)):
            raise ValueError("ordinal needs 'column' and 'order', or else 'columns' and 'by'")
        order = self.order or ()
        if len(set(order)) < len(order):
            raise ValueError("ordinal's order has a category more than once")
        if len({isinstance(category, str) for category in order}) > 1:
            raise ValueError("ordinal's order mixes text and numbers; put the numbers in quotes")
        return self

    def reads(self) -> list[str]:
        """The columns to encode."""
        return list(self.columns or (str(self.column),))

    def check(self, schema: Schema) -> dict[str, Kind]:
        """Also checks that the order is of the column's kind."""
        after = super().check(schema)
        wanted = "text" if self.order and isinstance(self.order[0], str) else "number"
        if self.order and schema[str(self.column)] != wanted:
            raise UserError(
                f"The op ordinal orders {wanted}, and the column {self.column!r} is of kind "
                f"{schema[str(self.column)]}; write the order in that kind."
            )
        return after

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns, as codes."""
        return dict.fromkeys(self.reads(), "category")

    def counted(self) -> dict[str, int]:
        """The columns to be ordered by frequency."""
        return dict.fromkeys(self.columns or (), MOST_CATEGORIES)

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedOrdinal:
        """Keeps the order."""
        if not self.order:
            most = {name: learnt.counts[name][:MOST_CATEGORIES] for name in self.reads()}
            return FittedOrdinal(known={name: values_of(found) for name, found in most.items()})
        column = str(self.column)
        if input_types(training)[column] == "double":
            return FittedOrdinal(known={column: [float(value) for value in self.order]})
        return FittedOrdinal(known={column: [_whole(value) for value in self.order]})


def _whole(category: str | float) -> str:
    """As the engines write it: a whole number has no decimal point."""
    whole = isinstance(category, float) and category.is_integer()
    return str(int(category) if whole else category)
