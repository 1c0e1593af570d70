"""Metrics per slice: the rows that share a value of a column."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.bootstrap import ENOUGH_BLOCKS, intervals, resamples_of
from throughline.evaluation.decisions import Decisions
from throughline.evaluation.metrics import Labels, Scores
from throughline.evaluation.part import Part
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 20
"""Of a column, the most frequent; the rows of all others are one slice."""

OTHERS = "(all others)"
MISSING = "(missing)"

FEW_ROWS = 100
FEW_OF_A_CLASS = 20
RESAMPLES = 200


@dataclass(frozen=True)
class Slice:
    """What the scores of a slice are worth.

    Attributes:
        column: The column.
        value: Its value, as text.
        rows: How many rows have it.
        small: Whether there are so few, or so few of a class or of blocks, that the figures say
            little.
        metrics: The metrics that these rows define.
        interval: That of the recipe's metric, if it is defined.
    """

    column: str
    value: str
    rows: int
    small: bool
    metrics: dict[str, float]
    interval: tuple[float, float] | None

    def as_json(self) -> dict[str, Any]:
        """For an artifact: a flat record."""
        low, high = self.interval or (None, None)
        head = {"column": self.column, "value": self.value, "rows": self.rows, "small": self.small}
        return {**head, **self.metrics, "low": low, "high": high}


def slices_of(
    part: Part,
    scores: Scores,
    layout: Layout,
    decisions: Decisions | None,
    columns: tuple[str, ...],
    metric: str,
) -> list[Slice]:
    """The slices of a part by each column, the value with the most rows first.

    Args:
        part: The rows.
        scores: Their scores, (n, outputs).
        layout: The task and the classes.
        decisions: Of a binary classification.
        columns: Raw columns.
        metric: The one that has an interval.
    """
    found = []
    resamples = min(RESAMPLES, resamples_of(len(part.labels), layout.outputs))
    for column in columns:
        values = _values(part.rows[column])
        for value in values.value_counts().index:
            chosen = (values == value).to_numpy()
            labels = part.labels[chosen]
            measure = measure_of(labels, scores[chosen], layout, decisions)
            figures = measure(np.ones(len(labels)))
            blocks = np.unique(part.blocks[chosen], return_inverse=True)[1]
            defined = not np.isnan(figures[metric])
            ends = intervals(measure, blocks, resamples) if defined else {}
            found.append(
                Slice(
                    column,
                    str(value),
                    len(labels),
                    _is_small(labels, layout) or bool(blocks.max() + 1 < ENOUGH_BLOCKS),
                    {name: v for name, v in figures.items() if not np.isnan(v)},
                    ends.get(metric),
                )
            )
    return found


def _is_small(labels: Labels, layout: Layout) -> bool:
    least = min(np.bincount(labels.astype(int), minlength=2)) if layout.binary else len(labels)
    return len(labels) < FEW_ROWS or bool(least < FEW_OF_A_CLASS)


def _values(column: "pd.Series[Any]") -> "pd.Series[str]":
    texts = column.astype(object).map(str).where(column.notna(), MISSING)
    frequent = texts.value_counts().index[:MOST_VALUES]
    return texts.where(texts.isin(frequent), OTHERS)
