"""The curves of a part as a few points, to be drawn over those of other candidates."""

import numpy as np
import numpy.typing as npt

from throughline.evaluation.metrics import Labels, Scores
from throughline.features.layout import Layout

POINTS = 201

Curve = dict[str, list[float]]
"""The points of a curve, by axis."""


def curves_of(labels: Labels, scores: Scores, layout: Layout) -> dict[str, Curve]:
    """The curves by name, of at most :data:`POINTS` points each.

    Binary: ``roc`` and ``precision_recall``. More classes: ``coverage``, the accuracy among the
    share of the rows that the model is surest of. Regression: ``errors``, the share of the rows
    whose error is at most so large (the REC curve of Bi and Bennett, 2003).
    """
    if layout.task == "regression":
        shares = np.linspace(0, 1, POINTS)
        errors = np.quantile(np.abs(np.asarray(labels, dtype=float) - scores[:, 0]), shares)
        return {"errors": _curve("error", errors, "share of rows", shares)}
    if layout.binary:
        return _binary(labels, scores[:, 0])
    order = np.argsort(-scores.max(axis=1), kind="stable")
    right = (scores.argmax(axis=1) == labels)[order]
    count = np.arange(1, len(right) + 1)
    shares, accuracy = count / len(right), np.cumsum(right) / count
    return {"coverage": _curve("share of rows, the surest first", shares, "accuracy", accuracy)}


def _binary(labels: Labels, probability: Scores) -> dict[str, Curve]:
    from sklearn.metrics import precision_recall_curve, roc_curve

    false_rate, true_rate, _ = roc_curve(labels, probability)
    precision, recall, _ = precision_recall_curve(labels, probability)
    return {
        "roc": _curve("false positive rate", false_rate, "recall", true_rate),
        "precision_recall": _curve("recall", recall[::-1], "precision", precision[::-1]),
    }


def _curve(x: str, xs: npt.NDArray[np.float64], y: str, ys: npt.NDArray[np.float64]) -> Curve:
    """A curve through points that lie at even steps of ``x``."""
    nearest = np.searchsorted(xs, np.linspace(xs[0], xs[-1], POINTS)).clip(max=len(xs) - 1)
    kept = np.unique(np.append(nearest, [0, len(xs) - 1]))
    return {axis: np.round(values[kept], 5).tolist() for axis, values in ((x, xs), (y, ys))}
