"""The decisions of a binary classification: from which probability on it says yes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from throughline.recipe.threshold import Cost, ThresholdRule


@dataclass(frozen=True)
class Decisions:
    """How a binary classification decides.

    Attributes:
        threshold: It says yes from this probability on.
        cost: What its mistakes cost, if the recipe says so.
    """

    threshold: float
    cost: Cost | None = None


def decide(
    labels: npt.NDArray[np.generic], probabilities: npt.NDArray[np.float64], rule: ThresholdRule
) -> Decisions:
    """The threshold that serves the recipe's rule best on these rows.

    By F1, the lowest probability with the greatest F1. By cost, the one with the least cost per
    row, the highest of several; it lies above all probabilities where saying yes never pays.
    """
    from sklearn.metrics import confusion_matrix_at_thresholds

    _, false_positive, false_negative, true_positive, thresholds = confusion_matrix_at_thresholds(
        labels, probabilities
    )
    if rule.cost is None:
        f1 = 2 * true_positive / (2 * true_positive + false_positive + false_negative)
        return Decisions(float(thresholds[np.flatnonzero(f1 == f1.max())[-1]]))
    cost = rule.cost.of(false_positive, false_negative)
    never = rule.cost.of(0.0, float(true_positive[-1]))
    lowest = int(np.argmin(cost))
    if never <= cost[lowest]:
        return Decisions(float(np.nextafter(thresholds[0], np.inf)), rule.cost)
    return Decisions(float(thresholds[lowest]), rule.cost)
