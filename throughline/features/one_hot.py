"""``one_hot``: categories as integer codes; assembly widens them to one column each."""

from typing import TYPE_CHECKING, ClassVar, Literal

import narwhals as nw
from pydantic import Field

from throughline.features.codes import code, values_of
from throughline.features.columns import ColumnsOp
from throughline.features.layout import View
from throughline.features.op import FittedOp, Kind, Learnt, Schema, listed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


Unseen = Literal["other", "zeros"]


class FittedOneHot(FittedOp):
    """The known categories of each column, most frequent first; the code is the position.

    The code after the last one stands for every other category and for a missing value. Decimal
    numbers stay numbers: the engines write them as text in different ways (1.0E10, 1e10).
    """

    name: ClassVar[str] = "one_hot"
    known: dict[str, list[str] | list[float]]
    unseen: Unseen = "other"

    def expressions(self) -> list[nw.Expr]:
        """Each column as its code."""
        return [code(column, values).alias(column) for column, values in self.known.items()]

    def categories(self) -> dict[str, tuple[int, View]]:
        """One code per known category, and one for the rest."""
        view: View = "one_hot" if self.unseen == "other" else "one_hot_known"
        return {column: (len(values) + 1, view) for column, values in self.known.items()}

    def describe(self) -> dict[str, str]:
        """The categories of each column."""
        rest = "one more" if self.unseen == "other" else "none"
        return {
            column: f"{len(values)} categories ({listed(values)}), {rest} for the rest"
            for column, values in self.known.items()
        }


class OneHot(ColumnsOp):
    """Encodes categories; the ``max_categories`` most frequent ones each get a column of their own.

    The rest, unseen values and missing ones share one more column; with ``unseen: zeros`` they have
    no column, and are 0 in all of them.
    """

    name: ClassVar[str] = "one_hot"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"text", "number", "boolean"})

    max_categories: int = Field(default=32, ge=1, le=4096)
    unseen: Unseen = Field(default="other", description="A column for the rest, or only zeros.")

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns, as codes."""
        return dict.fromkeys(self.columns, "category")

    def counted(self) -> dict[str, int]:
        """All columns, as many categories as may have a column of their own."""
        return dict.fromkeys(self.columns, self.max_categories)

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedOneHot:
        """Keeps the most frequent categories; ties are broken by name."""
        most = {name: learnt.counts[name][: self.max_categories] for name in self.columns}
        known = {name: values_of(counts) for name, counts in most.items()}
        return FittedOneHot(known=known, unseen=self.unseen)
