"""Histograms of a column's training and test rows over the same bars, to be drawn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from throughline.report.bins import Bins

BARS = 30
MOST_VALUES = 8
"""Of a text column; the rest share a bar."""

OUTLIERS = (0.005, 0.995)
"""Numbers beyond these quantiles are drawn in the first and the last bar."""

LARGEST = 1e300
"""Numbers beyond are drawn here, so that their difference is a number too."""

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """The share of the rows in each bar, of the training and of the test rows.

    Attributes:
        train: Shares of the training rows, of shape (bars,).
        test: Shares of the test rows.
        edges: The borders of the bars, one more than bars; empty where each bar is a value.
        labels: The value of each bar; empty where there are edges.
    """

    train: Shares
    test: Shares
    edges: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def constant(self) -> bool:
        """Whether all training rows have the same value."""
        return not self.edges and bool((self.train == 1).any())


def histogram(train: pl.Series, test: pl.Series) -> Histogram:
    """Compares the values of a column, Float64 or text; missing ones have no bar in ``edges``."""
    bins = Bins.of(train)
    if bins.edges:
        return _by_range(train, test)
    return _by_value(bins, train, test)


def _by_range(train: pl.Series, test: pl.Series) -> Histogram:
    def finite(column: pl.Series) -> Shares:
        values = column.drop_nulls().to_numpy()
        return np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)

    values = finite(train), finite(test)
    together = np.concatenate(values)
    if not together.size:
        return Histogram(np.zeros(0), np.zeros(0))
    edges = _edges(together)

    def shares(part: Shares) -> Shares:
        counts, _ = np.histogram(np.clip(part, edges[0], edges[-1]), edges)
        return counts / max(part.size, 1)

    return Histogram(shares(values[0]), shares(values[1]), edges=tuple(edges.tolist()))


def _edges(values: Shares) -> Shares:
    """Borders of bars of equal width; of whole numbers, each bar has as many."""
    low, high = np.quantile(values, OUTLIERS, method="inverted_cdf")
    if np.array_equal(values, np.round(values)) and max(-low, high) < 2**52:
        width = max(1, int(np.ceil((high - low + 1) / BARS)))
        return np.arange(low, high + 1 + width, width) - 0.5
    return np.linspace(low, high if high > low else low + max(1, abs(low)), BARS + 1)


def _by_value(bins: Bins, train: pl.Series, test: pl.Series) -> Histogram:
    numbers = train.dtype == pl.Float64
    shown = bins.values if numbers else bins.values[:MOST_VALUES]
    shown_bins = Bins(values=tuple(sorted(shown)) if numbers else shown)
    labels = [_label(value) for value in shown_bins.values] + ["(other)", "(missing)"]
    pairs = shown_bins.shares(train), shown_bins.shares(test)
    kept = [i for i in range(len(labels)) if i < len(shown) or pairs[0][i] or pairs[1][i]]
    return Histogram(pairs[0][kept], pairs[1][kept], labels=tuple(labels[i] for i in kept))


def _label(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if value == round(value, 1) else f"{value:.3g}"
