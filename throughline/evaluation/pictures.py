"""The pictures of a candidate, readable on a light and on a dark page."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from throughline.evaluation.decisions import Decisions
from throughline.evaluation.evaluation import PartEvaluation
from throughline.evaluation.panels import (
    calibration_panel,
    confusion_panel,
    errors_panel,
    precision_recall_panel,
    predicted_panel,
    roc_panel,
)
from throughline.evaluation.permutation import Loss
from throughline.evaluation.slices import Slice
from throughline.features.layout import Layout
from throughline.report.style import FAINT, LINE, panels, save, short, styled

MOST = 20
WIDEST = 34


def draw_part(
    part: PartEvaluation, layout: Layout, decisions: Decisions | None, path: Path
) -> None:
    """Draws what the scores are worth on one part.

    Binary: ROC, precision and recall, calibration, confusion at the threshold. More classes:
    calibration and confusion. Regression: predicted against actual, and the errors.
    """
    labels, scores = part.part.labels, part.scores
    with styled():
        rows = 2 if layout.binary else 1
        figure, drawn = panels(rows, 2, width=10, height=4.3 * rows)
        figure.set_layout_engine("constrained")
        if layout.task == "regression":
            predicted_panel(drawn[0], labels, scores[:, 0])
            errors_panel(drawn[1], labels, scores[:, 0])
        elif layout.binary:
            roc_panel(drawn[0], labels, scores[:, 0])
            precision_recall_panel(drawn[1], labels, scores[:, 0])
            threshold = decisions.threshold if decisions else 0.5
            said = (scores[:, 0] >= threshold).astype(int)
            confusion_panel(drawn[3], labels, said, layout, f"Confusion at {threshold:.3f}")
        else:
            confusion_panel(drawn[1], labels, scores.argmax(axis=1), layout, "Confusion")
        if part.measured.calibration:
            calibration_panel(drawn[2 if layout.binary else 0], part.measured.calibration)
        save(figure, path)


def draw_importances(
    losses: Mapping[str, Loss], own: Mapping[str, float], metric: str, path: Path
) -> None:
    """Draws the features by what shuffling them costs, beside the family's own importances.

    Args:
        losses: By feature; may be empty.
        own: The family's own importances; may be empty.
        metric: What the losses are of.
        path: The PNG.
    """
    top = sorted(losses.items(), key=lambda item: item[1].mean)[-MOST:]
    total = sum(own.values()) or 1.0
    shares = [(n, v / total) for n, v in sorted(own.items(), key=lambda item: item[1])[-MOST:]]
    drawn = [bool(top), bool(shares)]
    height = 1.2 + 0.25 * max(len(top), len(shares))
    with styled():
        figure, axes = panels(1, sum(drawn), width=6.0 * sum(drawn), height=height)
        figure.set_layout_engine("constrained")
        if top:
            names, found = zip(*top, strict=True)
            places = np.arange(len(names))
            axes[0].barh(
                places, [one.mean for one in found], color=LINE,
                xerr=[one.deviation for one in found], ecolor="#333333", error_kw={"linewidth": 1},
            )  # fmt: skip
            axes[0].set_yticks(places, [short(name, WIDEST) for name in names])
            axes[0].set(title="Permutation importance", xlabel=f"loss of {metric} when shuffled")
        if shares:
            places = np.arange(len(shares))
            axes[-1].barh(places, [share for _, share in shares], color=LINE)
            axes[-1].set_yticks(places, [short(name, WIDEST) for name, _ in shares])
            axes[-1].set(title="The family's own importances", xlabel="share of the whole")
        for one in axes:
            one.locator_params(axis="x", nbins=5)
            one.grid(visible=False, axis="y")
        save(figure, path)


def draw_slices(slices: Sequence[Slice], whole: float, metric: str, path: Path) -> None:
    """Draws a metric and its interval for each slice, small ones faintly, beside the whole."""
    shown = [one for one in slices if metric in one.metrics][::-1]
    with styled():
        figure, (axes,) = panels(1, 1, width=7.5, height=1.2 + 0.25 * len(shown))
        figure.set_layout_engine("constrained")
        axes.axvline(whole, color=FAINT, linestyle="--", label=f"all rows, {whole:.3f}")
        for place, one in enumerate(shown):
            value, colour = one.metrics[metric], FAINT if one.small else LINE
            axes.plot(one.interval or (value, value), (place, place), color=colour, linewidth=1.6)
            axes.plot(value, place, "o", color=colour, markersize=5)
        names = [f"{short(one.column, 18)} = {short(one.value, 18)}" for one in shown]
        axes.set_yticks(range(len(shown)), names)
        axes.set_ylim(-0.7, len(shown) - 0.3)
        axes.set(title=f"{metric} by slice", xlabel=f"{metric}, with its 95 % interval")
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside lower right", frameon=False, fontsize=9)
        save(figure, path)
