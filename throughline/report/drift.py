"""Drift: how much a column's distribution differs between two parts of a table.

The population stability index (PSI) is the sum over bins of ``(p - q) ln(p / q)``: the symmetric
Kullback-Leibler divergence of the binned shares (Kullback and Leibler, "On information and
sufficiency", 1951; as a tool of monitoring: Siddiqi, "Credit Risk Scorecards", 2006). It is 0 for
equal shares. The usual reading: below 0.1 no drift to speak of, up to 0.25 some, above it a lot.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from throughline.report.bins import Bins

Shares = npt.NDArray[np.float64]

SOME = 0.1
MUCH = 0.25
SMALLEST = 1e-4
"""The share that an empty bin counts with, so that the logarithm exists."""


def psi(first: Shares, second: Shares) -> float:
    """The population stability index of two distributions over the same bins.

    Args:
        first: The share of each bin, of shape (bins,).
        second: The same, of the other distribution.
    """
    p, q = np.maximum(first, SMALLEST), np.maximum(second, SMALLEST)
    return float(np.sum((p - q) * np.log(p / q)))


def drift(training: pl.Series, other: pl.Series) -> float | None:
    """The PSI of a column's values against the training rows; None without rows to compare."""
    if training.is_empty() or other.is_empty():
        return None
    bins = Bins.of(training)
    return psi(bins.shares(training), bins.shares(other))
