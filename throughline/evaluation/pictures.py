"""The pictures of a candidate, readable on a light and on a dark page."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from throughline.features.layout import Layout
from throughline.models.evaluation import Labels, Scores
from throughline.report.style import FAINT, LINE, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curves(labels: Labels, scores: Scores, layout: Layout, threshold: float | None) -> "Figure":
    """What the scores are worth on one part.

    Binary: ROC, precision and recall, calibration, confusion at the threshold. More classes: the
    confusion. Regression: predicted against actual, and the errors.
    """
    if layout.binary:
        return _binary(labels, scores[:, 0], layout, 0.5 if threshold is None else threshold)
    if layout.task == "regression":
        return _regression(labels, scores[:, 0])
    figure, (axes,) = _figure(1)
    _confusion(axes, labels, scores.argmax(axis=1), layout)
    return figure


def importance_chart(importances: Mapping[str, float], most: int = 25) -> "Figure":
    """The features by importance, the greatest on top, as shares of the whole."""
    top = sorted(importances.items(), key=lambda item: item[1])[-most:]
    total = sum(importances.values()) or 1.0
    figure, (axes,) = _figure(1, height=1 + 0.26 * len(top), width=7.5)
    axes.barh([name for name, _ in top], [value / total for _, value in top], color=LINE)
    axes.set(title="Feature importance", xlabel="share of the whole")
    return figure


def _figure(panels: int, width: float = 5.0, height: float = 4.2) -> "tuple[Figure, list[Axes]]":
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, panels, figsize=(width * panels, height), layout="constrained", squeeze=False
        )
    plt.close(figure)
    return figure, list(axes[0])


def _binary(labels: Labels, probability: Scores, layout: Layout, threshold: float) -> "Figure":
    from sklearn import metrics as sk
    from sklearn.calibration import calibration_curve

    figure, (roc, pr, calibration, confusion) = _figure(4)
    false_rate, true_rate, _ = sk.roc_curve(labels, probability)
    roc.plot(false_rate, true_rate, color=LINE)
    roc.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
    area = sk.roc_auc_score(labels, probability)
    roc.set(title=f"ROC, area {area:.3f}", xlabel="false positive rate", ylabel="recall")
    precision, recall, _ = sk.precision_recall_curve(labels, probability)
    pr.plot(recall, precision, color=LINE)
    pr.axhline(float(np.mean(np.asarray(labels, dtype=float))), color=FAINT, linestyle="--")
    mean = sk.average_precision_score(labels, probability)
    pr.set(title=f"Precision and recall, mean {mean:.3f}", xlabel="recall", ylabel="precision")
    happened, said = calibration_curve(labels, probability, n_bins=10, strategy="quantile")
    calibration.plot(said, happened, marker="o", color=LINE)
    calibration.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
    calibration.set(title="Calibration", xlabel="predicted", ylabel="happened")
    _confusion(confusion, labels, (probability >= threshold).astype(int), layout)
    confusion.set_title(f"Confusion at {threshold:.3f}")
    return figure


def _confusion(axes: "Axes", labels: Labels, said: Labels, layout: Layout) -> None:
    from sklearn.metrics import confusion_matrix

    names = layout.classes or ()
    counts = confusion_matrix(labels, said, labels=list(range(len(names))))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(visible=False)
    axes.set(title="Confusion", xlabel="predicted", ylabel="actual")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    if len(names) > 12:
        return
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "#333333"
        text = f"{counts[row, column]:,}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=colour)


def _regression(labels: Labels, values: Scores) -> "Figure":
    figure, (against, errors) = _figure(2)
    actual = np.asarray(labels, dtype=float)
    low, high = np.percentile(np.concatenate([actual, values]), [0.5, 99.5])
    against.hexbin(values, actual, gridsize=50, bins="log", cmap="Blues", mincnt=1,
                   extent=(low, high, low, high))  # fmt: skip
    against.plot([low, high], [low, high], color=FAINT, linestyle="--")
    against.set(title="Actual against predicted", xlabel="predicted", ylabel="actual")
    difference = actual - values
    errors.hist(np.clip(difference, *np.percentile(difference, [0.5, 99.5])), 60, color=LINE)
    errors.set(title="Errors", xlabel="actual minus predicted", ylabel="rows")
    return figure
