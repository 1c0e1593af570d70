"""Intervals of metrics by the percentile bootstrap (Efron and Tibshirani, 1993, chapter 13).

Rows that depend on each other are drawn together, as blocks: the days of a split by time, the
groups of a split by group. A resample draws as many blocks as there are, with replacement.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from throughline.evaluation.weighted import Measure

Interval = tuple[float, float]

RESAMPLES = 400
FEWEST = 50
WORK = 60_000_000
"""Scores that all resamples together look at; larger parts are resampled less often."""

ENOUGH_BLOCKS = 10
"""Fewer blocks are hardly ever drawn in another way: their interval would look like certainty."""

LEVEL = 0.95
SEED = 7


def resamples_of(rows: int, outputs: int) -> int:
    """How often so many rows, with so many scores each, are resampled."""
    return max(FEWEST, min(RESAMPLES, WORK // max(rows * outputs, 1)))


def intervals(
    measure: Measure, blocks: npt.NDArray[np.int64], resamples: int, seed: int = SEED
) -> dict[str, Interval]:
    """The 95 % interval of each metric.

    Args:
        measure: Measures weighted rows.
        blocks: The block of each of n rows, from 0 on.
        resamples: How many.
        seed: The same seed gives the same intervals.

    Returns:
        The lower and the upper end by name; nothing for fewer than :data:`ENOUGH_BLOCKS` blocks. A
        metric that is not defined in some resamples is taken from the others; one that is defined
        in none has no interval.
    """
    draw = np.random.default_rng(seed)
    count = int(blocks.max()) + 1
    if count < ENOUGH_BLOCKS:
        return {}
    drawn: list[Mapping[str, float]] = []
    for _ in range(resamples):
        times = np.bincount(draw.integers(0, count, count), minlength=count)
        drawn.append(measure(times[blocks].astype(np.float64)))
    ends = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    found = {}
    for name in drawn[0]:
        values = np.array([one[name] for one in drawn])
        values = values[np.isfinite(values)]
        if values.size:
            low, high = np.quantile(values, ends)
            found[name] = (float(low), float(high))
    return found
