"""``one_hot``: categories as integer codes; assembly widens them to one column each."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
from pydantic import Field

from throughline.features.layout import View
from throughline.features.op import FittedOp, Kind, Op, Schema, quoted
from throughline.features.schema import input_types

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class FittedOneHot(FittedOp):
    """The known categories of each column, most frequent first; the code is the position.

    The code after the last one stands for every other category and for a missing value. Decimal
    numbers stay numbers: the engines write them as text in different ways (1.0E10, 1e10).
    """

    name: ClassVar[str] = "one_hot"
    known: dict[str, list[str] | list[float]]

    def expressions(self) -> list[nw.Expr]:
        """Each column as its code."""
        return [_code(column, values).alias(column) for column, values in self.known.items()]

    def categories(self) -> dict[str, tuple[int, View]]:
        """One code per known category, and one for the rest."""
        return {column: (len(values) + 1, "one_hot") for column, values in self.known.items()}


def _code(column: str, values: Sequence[str | float]) -> nw.Expr:
    if not values:
        return nw.lit(0, dtype=nw.Int32)
    found = nw.col(column).cast(nw.Float64 if isinstance(values[0], float) else nw.String)
    return found.replace_strict(
        values, list(range(len(values))), default=len(values), return_dtype=nw.Int32
    )


class OneHot(Op):
    """Encodes categories; the ``max_categories`` most frequent ones each get a column of their own.

    The rest, unseen values and missing ones share one more column.
    """

    name: ClassVar[str] = "one_hot"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"text", "number", "boolean"})

    columns: tuple[str, ...] = Field(min_length=1)
    max_categories: int = Field(default=32, ge=1, le=4096)

    def reads(self) -> list[str]:
        """The columns to encode."""
        return list(self.columns)

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """The same columns, as codes."""
        return dict.fromkeys(self.columns, "category")

    def fit(self, training: "DataFrame", statistics: Mapping[str, Any]) -> FittedOneHot:
        """Counts the categories of all columns in one job; ties are broken by name."""
        from pyspark.sql import functions as F

        types = input_types(training)

        def pair(number: int, name: str) -> "Column":
            value = F.col(quoted(name))
            if types[name] == "double":
                value = value.cast("double") + F.lit(0.0)  # minus zero is zero
            return F.struct(F.lit(number).alias("column"), value.cast("string").alias("value"))

        pairs = F.array(*[pair(i, name) for i, name in enumerate(self.columns)])
        counted = (
            training.select(F.explode(pairs).alias("pair"))
            .where(F.col("pair.value").isNotNull())
            .groupBy("pair")
            .count()
            .groupBy("pair.column")
            .agg(F.sort_array(F.collect_list(F.struct(-F.col("count"), "pair.value"))).alias("all"))
            .select("column", F.slice("all", 1, self.max_categories).alias("top"))
        )
        known: dict[str, list[str] | list[float]] = {name: [] for name in self.columns}
        for row in counted.toLocalIterator():
            name = self.columns[row["column"]]
            values = [value for _, value in row["top"]]
            known[name] = [float(v) for v in values] if types[name] == "double" else values
        return FittedOneHot(known=known)
