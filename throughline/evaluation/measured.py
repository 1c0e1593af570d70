"""Metrics with their intervals and calibration: what is measured of any scores of any rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from throughline.evaluation.bootstrap import Interval, intervals, resamples_of
from throughline.evaluation.calibration import Calibration, calibration_of
from throughline.evaluation.decisions import Decisions
from throughline.evaluation.metrics import Labels, Scores, metrics
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout


@dataclass(frozen=True)
class Measured:
    """What scores are worth.

    Attributes:
        metrics: The metrics by name.
        intervals: The ends of their 95 % intervals.
        resamples: How often the rows were resampled for them.
        calibration: None for a regression.
    """

    metrics: dict[str, float]
    intervals: dict[str, Interval]
    resamples: int
    calibration: Calibration | None

    def figures(self) -> dict[str, float]:
        """Metrics, their ends (``<metric>_low``, ``<metric>_high``), expected calibration error."""
        found = dict(self.metrics)
        for name, (low, high) in self.intervals.items():
            found |= {f"{name}_low": low, f"{name}_high": high}
        return found | ({"ece": self.calibration.error} if self.calibration else {})


def measured(
    labels: Labels,
    scores: Scores,
    layout: Layout,
    decisions: Decisions | None,
    blocks: npt.NDArray[np.int64],
) -> Measured:
    """Measures scores.

    Args:
        labels: n class indices, or values.
        scores: (n, outputs).
        layout: The task and the classes.
        decisions: Of a binary classification.
        blocks: The block of each row, from 0 on: rows that a resample draws together.

    Raises:
        UserError: If the rows hold one class only.
    """
    found = metrics(labels, scores, layout, decisions)
    resamples = resamples_of(len(labels), layout.outputs)
    ends = intervals(measure_of(labels, scores, layout, decisions), blocks, resamples)
    return Measured(found, ends, resamples, calibration_of(labels, scores, layout))
