"""``frequency``: how common a value is among the training rows (count encoding).

Source: Pargent, Pfisterer, Thomas and Bischl, "Regularized target encoding outperforms traditional
methods in supervised machine learning with high cardinality features", Computational Statistics 37,
2022, section 3 (frequency encoding).
"""

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals as nw
from pydantic import Field

from throughline.features.codes import comparable
from throughline.features.columns import NumberPerColumn
from throughline.features.lookup import Lookup
from throughline.features.native import Expressions
from throughline.features.op import Counts, FittedOp, Frame, Kind, Learnt

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

MOST_VALUES = 100_000

_KEY = "__value"


class FittedFrequency(FittedOp):
    """For each column, its values and how common each of them is."""

    name: ClassVar[str] = "frequency"
    lookups: dict[str, Lookup]

    def apply(self, frame: Frame) -> Frame:
        """Adds the frequencies; 0 for a value that no training row has, and for a missing one."""
        for key, lookup, filled in self._steps:
            frame = filled.added_to(lookup.join(key.added_to(frame)).drop(_KEY))
        return frame

    @cached_property
    def _steps(self) -> list[tuple[Expressions, Lookup, Expressions]]:
        """Per column its key, the lookup, and the figures without missing values."""
        return [
            (
                Expressions([comparable(column, lookup.keys[_KEY]).alias(_KEY)]),
                lookup,
                Expressions([nw.col(*lookup.figures).fill_null(0.0)]),
            )
            for column, lookup in self.lookups.items()
        ]

    def describe(self) -> dict[str, str]:
        """How many values each column has, and its most common one."""
        return {column: _in_words(lookup) for column, lookup in self.lookups.items()}


class Frequency(NumberPerColumn):
    """Adds ``<column>_frequency``: the share of the training rows that have the row's value.

    With ``normalize: false`` it is their number. A value that no training row has, and a missing
    one, get 0; so do all but the 100,000 most frequent values.
    """

    name: ClassVar[str] = "frequency"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"text", "number", "boolean", "category"})

    normalize: bool = Field(default=True, description="A share of the rows, not their number.")

    def counted(self) -> dict[str, int]:
        """All columns."""
        return dict.fromkeys(self.columns, MOST_VALUES)

    def statistics(self) -> "dict[str, Column]":
        """The number of rows."""
        from pyspark.sql import functions as F

        return {"rows": F.count(F.lit(1))}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedFrequency:
        """Keeps the counts, or the shares."""
        of = max(learnt.statistics["rows"], 1) if self.normalize else 1
        return FittedFrequency(
            lookups={column: _lookup(column, learnt.counts[column], of) for column in self.columns}
        )


def _lookup(column: str, counts: Counts, of: int) -> Lookup:
    rows: list[tuple[Any, float]] = [(value, count / of) for value, count in counts]
    return Lookup.of([_KEY], [Frequency.output(column)], rows)


def _in_words(lookup: Lookup) -> str:
    (figures,) = lookup.figures.values()
    if not figures:
        return "no value in the training rows"
    return f"{len(figures)} values; the most common is {lookup.keys[_KEY][0]}: {figures[0]:.6g}"
