"""Metrics of weighted rows, fast enough to be computed hundreds of times.

A row's weight is how often it counts: 1 for the metrics of a part, 0 or 1 for those of a slice, and
how often it was drawn for those of a bootstrap resample. The rows are grouped by score once; each
measurement is then a few passes over arrays. The figures are those of scikit-learn's functions with
``sample_weight``. A metric that is not defined for the weighted rows is NaN.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from throughline.evaluation.decisions import Decisions
from throughline.features.layout import Layout

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats], dict[str, float]]
"""From the weights of n rows to the metrics by name."""

_LEAST = float(np.finfo(np.float64).eps)


def measure_of(
    labels: npt.NDArray[np.generic],
    scores: Floats,
    layout: Layout,
    decisions: Decisions | None = None,
) -> Measure:
    """The function that measures weighted rows.

    Args:
        labels: n class indices, or values.
        scores: (n, outputs).
        layout: The task and the classes.
        decisions: Of a binary classification; for the metrics that count decisions.

    Returns:
        Binary: roc_auc, pr_auc (average precision), log_loss, brier, positive_rate; with decisions
        accuracy, f1, precision, recall and, if there is a cost, its mean per row. More classes:
        roc_auc (one against the rest, macro), log_loss, accuracy, f1 (macro). Regression: rmse,
        mae, r2.
    """
    if layout.task == "regression":
        return _regression(np.asarray(labels, dtype=np.float64), scores[:, 0])
    if layout.binary:
        return _binary(np.asarray(labels, dtype=np.float64), scores[:, 0], decisions)
    return _classes(np.asarray(labels, dtype=np.int64), scores)


def _regression(labels: Floats, values: Floats) -> Measure:
    error = values - labels
    centred = labels - labels.mean()  # about the mean, so that the squares keep their digits
    columns = np.stack([error**2, np.abs(error), centred, centred**2])

    def measure(weights: Floats) -> dict[str, float]:
        squared, absolute, mean, square = columns @ weights / weights.sum()
        spread = square - mean**2
        r2 = 1 - squared / spread if spread > 0 else np.nan
        return {"rmse": float(squared**0.5), "mae": float(absolute), "r2": float(r2)}

    return measure


def _binary(labels: Floats, probability: Floats, decisions: Decisions | None) -> Measure:
    ranks = _ranking(labels, probability)
    log_loss = -np.log(np.clip(np.where(labels == 1, probability, 1 - probability), _LEAST, 1))
    columns = np.stack([log_loss, (probability - labels) ** 2, labels])
    names = ("log_loss", "brier", "positive_rate")
    count = _counting(labels, probability, decisions) if decisions else None

    def measure(weights: Floats) -> dict[str, float]:
        means = columns @ weights / weights.sum()
        found = dict(zip(("roc_auc", "pr_auc"), ranks(weights), strict=True))
        found |= {name: float(mean) for name, mean in zip(names, means, strict=True)}
        return found | count(weights) if count else found

    return measure


def _counting(labels: Floats, probability: Floats, decisions: Decisions) -> Measure:
    said = (probability >= decisions.threshold).astype(np.float64)
    columns = np.stack([said * labels, said * (1 - labels), (1 - said) * labels])

    def measure(weights: Floats) -> dict[str, float]:
        total = weights.sum()
        hits, false_positive, false_negative = columns @ weights
        found = {
            "accuracy": 1 - (false_positive + false_negative) / total,
            "f1": _share(2 * hits, 2 * hits + false_positive + false_negative),
            "precision": _share(hits, hits + false_positive),
            "recall": _share(hits, hits + false_negative),
        }
        if decisions.cost:
            found["cost"] = decisions.cost.of(false_positive, false_negative) / total
        return {name: float(value) for name, value in found.items()}

    return measure


def _classes(labels: npt.NDArray[np.int64], scores: Floats) -> Measure:
    rows, classes = scores.shape
    shares = scores / scores.sum(axis=1, keepdims=True)
    log_loss = -np.log(np.clip(shares[np.arange(rows), labels], _LEAST, 1))
    cells = labels * classes + shares.argmax(axis=1)
    ranks = [
        _ranking((labels == one).astype(np.float64), shares[:, one]) for one in np.unique(labels)
    ]

    def measure(weights: Floats) -> dict[str, float]:
        counts = np.bincount(cells, weights, classes**2).reshape(classes, classes)
        hits, met = np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1)
        f1 = 2 * hits[met > 0] / met[met > 0]
        areas = [rank(weights)[0] for rank in ranks]
        return {
            "log_loss": float(log_loss @ weights / weights.sum()),
            "accuracy": float(hits.sum() / weights.sum()),
            "f1": float(f1.mean()),
            "roc_auc": float(np.nanmean(areas)) if np.isfinite(areas).any() else np.nan,
        }

    return measure


def _ranking(labels: Floats, score: Floats) -> Callable[[Floats], tuple[float, float]]:
    """The areas under ROC, and precision over recall, of weighted rows; ties count half in ROC.

    Rows of the same score are a group, the highest score first. Only groups that hold a positive
    row add to either area.
    """
    _, group = np.unique(-score, return_inverse=True)
    positives = np.flatnonzero(labels == 1)
    holding, held = np.unique(group[positives], return_inverse=True)

    def areas(weights: Floats) -> tuple[float, float]:
        rows = np.bincount(group, weights)
        here, above = rows[holding], np.cumsum(rows)[holding]
        gained = np.bincount(held, weights[positives], len(holding))
        true = np.cumsum(gained)
        hits = true[-1] if len(true) else 0.0
        misses = rows.sum() - hits
        if not (hits > 0 and misses > 0):
            return np.nan, np.nan
        false = above - true - (here - gained) / 2
        precision = true / np.maximum(above, _LEAST)
        return float(1 - gained @ false / (hits * misses)), float(gained @ precision / hits)

    return areas


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
