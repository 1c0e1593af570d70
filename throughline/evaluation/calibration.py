"""Calibration: how often what was said with some probability came true.

The expected calibration error is the mean distance between the two, over bins of about as many rows
each (Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian
binning", 2015; bins of equal rows as in Nguyen and O'Connor, "Posterior calibration and exploratory
analysis for NLP models", 2015). Of more than two classes it is about the class that was said (Guo
et al., "On calibration of modern neural networks", 2017).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from throughline.evaluation.metrics import Labels, Scores
from throughline.features.layout import Layout

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows of about the same probability: how many, what was said, how often it came true."""

    rows: int
    predicted: float
    happened: float


@dataclass(frozen=True)
class Calibration:
    """The bins of a part, the lowest probability first; of constant scores there is one."""

    bins: tuple[Bin, ...]

    @property
    def error(self) -> float:
        """The expected calibration error."""
        distances = [abs(one.predicted - one.happened) for one in self.bins]
        return float(np.average(distances, weights=[one.rows for one in self.bins]))

    def as_json(self) -> dict[str, Any]:
        """For an artifact."""
        return {"expected_calibration_error": self.error, "bins": [asdict(b) for b in self.bins]}


def calibration_of(labels: Labels, scores: Scores, layout: Layout) -> Calibration | None:
    """The calibration of a part; None for a regression."""
    if layout.task == "regression":
        return None
    if layout.binary:
        said, came_true = scores[:, 0], np.asarray(labels) == 1
    else:
        said = scores.max(axis=1) / scores.sum(axis=1)
        came_true = scores.argmax(axis=1) == labels
    borders = np.unique(np.quantile(said, np.arange(1, BINS) / BINS))
    place = np.searchsorted(borders, said, side="left")
    rows = np.bincount(place)
    filled = rows > 0
    means = [np.bincount(place, values)[filled] / rows[filled] for values in (said, came_true)]
    return Calibration(
        tuple(
            Bin(int(count), float(predicted), float(happened))
            for count, predicted, happened in zip(rows[filled], *means, strict=True)
        )
    )
