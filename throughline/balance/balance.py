"""``balance``: what is done to the prepared training rows of a classification, and only to them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from throughline.balance.class_weight import WEIGHT, Weights, with_weights
from throughline.balance.smote import Smote
from throughline.balance.undersample import Undersample
from throughline.features.layout import Layout
from throughline.features.op import quoted
from throughline.strict import Strict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)


class Balance(Strict):
    """How the classes are balanced; exactly one way."""

    smote: Smote | None = None
    undersample: Undersample | None = None
    class_weight: Weights | None = Field(
        default=None, description="'balanced', or the weight of each class, 1 if left out."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Balance":
        if sum(way is not None for way in (self.smote, self.undersample, self.class_weight)) != 1:
            raise ValueError("balance is one of 'smote', 'undersample' and 'class_weight'")
        return self


@contextmanager
def balanced(
    rows: "DataFrame", layout: Layout, balance: Balance
) -> "Iterator[tuple[DataFrame, Layout, int]]":
    """Balances the prepared training rows; they are cached meanwhile.

    Args:
        rows: The label, the features and :data:`throughline.balance.row.ROW`.
        layout: Their layout.
        balance: What to do.

    Yields:
        The label, the features and any weights; their layout; and how many rows there were.

    Raises:
        UserError: If a class has too few rows or is not known, or smote meets a missing value.
    """
    cached = rows.persist()
    try:
        by_class = rows.groupBy(quoted(layout.label)).count().collect()
        counts = dict(sorted((int(row[0]), int(row[1])) for row in by_class))
        if counts:
            rows, layout = _apply(rows, layout, balance, counts)
        yield rows.select(_columns(layout)), layout, sum(counts.values())
    finally:
        cached.unpersist()


def _apply(
    rows: "DataFrame", layout: Layout, balance: Balance, counts: dict[int, int]
) -> "tuple[DataFrame, Layout]":
    if balance.smote:
        return balance.smote.apply(rows, layout, counts), layout
    if balance.undersample:
        return balance.undersample.apply(rows, layout, counts), layout
    weighted = with_weights(rows, layout, counts, balance.class_weight or "balanced")
    return weighted, layout.model_copy(update={"weight": WEIGHT})


def _columns(layout: Layout) -> list[str]:
    weights = [layout.weight] if layout.weight else []
    return [quoted(n) for n in (layout.label, *(f.name for f in layout.features), *weights)]


def rows_changed(before: int, after: int) -> dict[str, int]:
    """What balancing did to the number of training rows, as figures; logged as well."""
    if before == after:
        return {}
    what = "synthetic" if after > before else "dropped"
    logger.info("balancing: %d training rows %s, %d are written", abs(after - before), what, after)
    return {f"rows_{what}": abs(after - before)}
