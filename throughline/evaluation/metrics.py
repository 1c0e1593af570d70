"""One evaluation for every candidate: metrics, and the threshold of a binary classification."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from throughline.errors import UserError
from throughline.features.layout import Layout

Labels = npt.NDArray[np.generic]
Scores = npt.NDArray[np.float64]

HIGHER_IS_BETTER = frozenset({"roc_auc", "pr_auc", "accuracy", "f1", "r2"})


def metrics(
    labels: Labels, scores: Scores, layout: Layout, threshold: float | None = None
) -> dict[str, float]:
    """The metrics of a part.

    Args:
        labels: n class indices, or values.
        scores: (n, outputs) as :class:`throughline.models.estimator.Estimator` gives them.
        layout: The task and the classes.
        threshold: Of a binary classification; for the metrics that count decisions.

    Returns:
        Binary: roc_auc, pr_auc (average precision), log_loss, brier, accuracy, f1, precision,
        recall, and positive_rate. More classes: roc_auc (one against the rest, macro), log_loss,
        accuracy, f1 (macro). Regression: rmse, mae, r2.

    Raises:
        UserError: If the rows hold one class only.
    """
    if layout.task == "regression":
        return _regression(labels, scores[:, 0])
    if len(np.unique(labels)) < 2:
        raise UserError("The rows to evaluate on hold one class only; take more rows.")
    return _binary(labels, scores[:, 0], threshold) if layout.binary else _classes(labels, scores)


def best_threshold(labels: Labels, probabilities: Scores) -> float:
    """The probability from which saying yes gives the best F1 on these rows."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return float(thresholds[f1[:-1].argmax()])


def better(metric: str, one: float, other: float) -> bool:
    """Whether ``one`` is the better value of ``metric``; a tie is not better."""
    return one > other if metric in HIGHER_IS_BETTER else one < other


def _regression(labels: Labels, values: Scores) -> dict[str, float]:
    from sklearn import metrics as sk

    return {
        "rmse": float(sk.root_mean_squared_error(labels, values)),
        "mae": float(sk.mean_absolute_error(labels, values)),
        "r2": float(sk.r2_score(labels, values)),
    }


def _binary(labels: Labels, probability: Scores, threshold: float | None) -> dict[str, float]:
    from sklearn import metrics as sk

    found = {
        "roc_auc": sk.roc_auc_score(labels, probability),
        "pr_auc": sk.average_precision_score(labels, probability),
        "log_loss": sk.log_loss(labels, probability, labels=[0, 1]),
        "brier": sk.brier_score_loss(labels, probability),
        "positive_rate": np.mean(np.asarray(labels, dtype=np.float64)),
    }
    if threshold is not None:
        said = (probability >= threshold).astype(int)
        counting: dict[str, Callable[..., float]] = {
            "f1": sk.f1_score,
            "precision": sk.precision_score,
            "recall": sk.recall_score,
        }
        found["accuracy"] = sk.accuracy_score(labels, said)
        found |= {name: count(labels, said, zero_division=0) for name, count in counting.items()}
    return {name: float(value) for name, value in found.items()}


def _classes(labels: Labels, scores: Scores) -> dict[str, float]:
    from sklearn import metrics as sk

    each = np.arange(scores.shape[1])
    scores = scores / scores.sum(axis=1, keepdims=True)
    said = scores.argmax(axis=1)
    present = np.unique(labels)
    found = {
        "log_loss": sk.log_loss(labels, scores, labels=each),
        "accuracy": sk.accuracy_score(labels, said),
        "f1": sk.f1_score(labels, said, average="macro", zero_division=0),
        "roc_auc": np.mean(
            [sk.roc_auc_score(np.asarray(labels) == c, scores[:, c]) for c in present]
        ),
    }
    return {name: float(value) for name, value in found.items()}
