"""The panels of a candidate's pictures."""

from typing import TYPE_CHECKING

import numpy as np

from throughline.evaluation.calibration import Calibration
from throughline.evaluation.metrics import Labels, Scores
from throughline.features.layout import Layout
from throughline.report.style import FAINT, LINE, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NUMBERED = 8
"""A confusion of more classes has no numbers in its cells."""

OUTLIERS = (0.5, 99.5)
"""Values beyond these percentiles are drawn at the edge."""

BLUES = "Blues"


def roc_panel(axes: "Axes", labels: Labels, probability: Scores) -> None:
    """The ROC curve."""
    from sklearn.metrics import auc, roc_curve

    false_rate, true_rate, _ = roc_curve(labels, probability)
    axes.plot(false_rate, true_rate, color=LINE)
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle="--")
    area = auc(false_rate, true_rate)
    axes.set(title=f"ROC, area {area:.3f}", xlabel="false positive rate", ylabel="recall")


def precision_recall_panel(axes: "Axes", labels: Labels, probability: Scores) -> None:
    """Precision over recall; the dashed line is that of chance."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, probability)
    axes.plot(recall, precision, color=LINE)
    axes.axhline(float(np.mean(np.asarray(labels, dtype=float))), color=FAINT, linestyle="--")
    mean = average_precision_score(labels, probability)
    title = f"Precision and recall, mean {mean:.3f}"
    axes.set(title=title, xlabel="recall", ylabel="precision", ylim=(0, 1.02))


def calibration_panel(axes: "Axes", calibration: Calibration) -> None:
    """What was said against what happened, a point for each bin."""
    said = [one.predicted for one in calibration.bins]
    happened = [one.happened for one in calibration.bins]
    axes.plot(said, happened, marker="o", color=LINE)
    most = max(*said, *happened, 0.01) * 1.05
    axes.plot([0, most], [0, most], color=FAINT, linestyle="--")
    title = f"Calibration, expected error {calibration.error:.3f}"
    axes.set(title=title, xlabel="predicted", ylabel="happened", xlim=(0, most), ylim=(0, most))


def confusion_panel(axes: "Axes", labels: Labels, said: Labels, layout: Layout, title: str) -> None:
    """The rows of each class by the class that was said, shaded by their share of the class."""
    from sklearn.metrics import confusion_matrix

    names = [short(name, 14) for name in layout.classes or ()]
    counts = confusion_matrix(labels, said, labels=list(range(len(names))))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=BLUES, vmin=0, vmax=1)
    axes.grid(visible=False)
    axes.set(title=title, xlabel="predicted", ylabel="actual")
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > MOST_NUMBERED else 0)
    axes.set_yticks(range(len(names)), names)
    if len(names) > MOST_NUMBERED:
        return
    for row, column in np.ndindex(counts.shape):
        colour = "white" if shares[row, column] > 0.5 else "#333333"
        text = f"{counts[row, column]:,}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=colour)


def predicted_panel(axes: "Axes", labels: Labels, values: Scores) -> None:
    """Actual against predicted values, darker where there are more rows."""
    actual = np.asarray(labels, dtype=float)
    low, high = np.percentile(np.concatenate([actual, values]), OUTLIERS)
    high = max(high, np.nextafter(low, np.inf))
    axes.hexbin(values, actual, gridsize=40, bins="log", cmap=BLUES, mincnt=1,
                extent=(low, high, low, high), edgecolors="none")  # fmt: skip
    axes.plot([low, high], [low, high], color=FAINT, linestyle="--")
    axes.set(title="Actual against predicted", xlabel="predicted", ylabel="actual")


def errors_panel(axes: "Axes", labels: Labels, values: Scores) -> None:
    """How the errors are spread."""
    difference = np.asarray(labels, dtype=float) - values
    axes.hist(np.clip(difference, *np.percentile(difference, OUTLIERS)), 60, color=LINE)
    axes.set(title="Errors", xlabel="actual minus predicted", ylabel="rows")
