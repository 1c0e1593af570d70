"""The metrics of every candidate, and how they are compared."""

import numpy as np
import numpy.typing as npt

from throughline.errors import UserError
from throughline.evaluation.decisions import Decisions
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout

Labels = npt.NDArray[np.generic]
Scores = npt.NDArray[np.float64]

HIGHER_IS_BETTER = frozenset({"roc_auc", "pr_auc", "accuracy", "f1", "precision", "recall", "r2"})


def metrics(
    labels: Labels, scores: Scores, layout: Layout, decisions: Decisions | None = None
) -> dict[str, float]:
    """The metrics of a part.

    Args:
        labels: n class indices, or values.
        scores: (n, outputs) as :class:`throughline.models.estimator.Estimator` gives them.
        layout: The task and the classes.
        decisions: Of a binary classification; for the metrics that count decisions.

    Returns:
        Those of :func:`throughline.evaluation.weighted.measure_of`.

    Raises:
        UserError: If the rows hold one class only.
    """
    if layout.task == "classification" and len(np.unique(labels)) < 2:
        raise UserError("The rows to evaluate on hold one class only; take more rows.")
    return measure_of(labels, scores, layout, decisions)(np.ones(len(labels)))


def better(metric: str, one: float, other: float) -> bool:
    """Whether ``one`` is the better value of ``metric``; a tie is not better."""
    return one > other if metric in HIGHER_IS_BETTER else one < other
