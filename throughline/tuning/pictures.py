"""The pictures of a search: its values in order, its parameters side by side, their importance."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.evaluation.metrics import better
from throughline.report.style import COLOURS, FAINT, LINE, panels, save, short, styled
from throughline.tuning.importance import is_number
from throughline.tuning.trial import Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDEST = 28
_MOST_AXES = 12
_NOT_SET = -0.12
_DECADES = 20.0
"""A parameter whose values lie so many times apart is shown on a log scale."""


def draw_values(trials: Sequence[Trial], metric: str, path: Path) -> None:
    """Draws each finished trial's value, and the best so far, into a PNG."""
    finished = [trial for trial in trials if trial.value is not None]
    best: list[float] = []
    for trial in finished:
        value = float(trial.value or 0.0)
        best.append(value if not best or better(metric, value, best[-1]) else best[-1])
    numbers = [trial.number + 1 for trial in finished]
    others = [trial.number + 1 for trial in trials if trial.value is None]
    with styled():
        figure, (axes,) = panels(1, 1, width=8.5, height=4.2)
        figure.set_layout_engine("constrained")
        axes.plot(
            numbers, [float(t.value or 0.0) for t in finished], "o", color=FAINT, label="trial"
        )
        axes.step(numbers, best, where="post", color=LINE, linewidth=1.8, label="best so far")
        if others:
            low = axes.get_ylim()[0]
            axes.plot(others, [low] * len(others), "x", color=COLOURS[1], label="did not finish")
        axes.locator_params(axis="x", integer=True)
        axes.set(xlabel="trial", ylabel=metric, title=f"{metric} of the trials")
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        save(figure, path)


def draw_parameters(trials: Sequence[Trial], names: Sequence[str], metric: str, path: Path) -> None:
    """Draws a line through the parameters of each finished trial, coloured by its value."""
    import matplotlib as mpl

    finished = [trial for trial in trials if trial.value is not None]
    shown = list(names)[:_MOST_AXES]
    values = np.array([float(t.value or 0.0) for t in finished])
    order = np.argsort(values if better(metric, 1, 0) else -values)  # the best lies on top
    with styled():
        figure, (axes,) = panels(1, 1, width=max(8.5, 1.3 * (len(shown) + 1)), height=4.8)
        figure.set_layout_engine("constrained")
        scales = [_Scale([t.parameters.get(name) for t in finished]) for name in shown]
        scales.append(_Scale(list(values)))
        norm = mpl.colors.Normalize(values.min(), values.max())
        colours = mpl.colormaps["viridis" if better(metric, 1, 0) else "viridis_r"]
        for i in order:
            row = [*(finished[i].parameters.get(name) for name in shown), values[i]]
            heights = [scale.height(value) for scale, value in zip(scales, row, strict=True)]
            axes.plot(range(len(row)), heights, color=colours(norm(values[i])), alpha=0.75)
        for place, scale in enumerate(scales):
            _label_axis(axes, place, scale)
        axes.set_xticks(range(len(scales)), [short(name, WIDEST) for name in [*shown, metric]])
        for label in axes.get_xticklabels():
            label.set(rotation=30, ha="right")
        axes.set(
            ylim=(-0.18, 1.06), xlim=(-0.4, len(scales) - 0.2), title="The parameters of the trials"
        )
        axes.set_yticks([])
        axes.grid(visible=False)
        save(figure, path)


def draw_importances(found: Mapping[str, float], path: Path) -> None:
    """Draws the share of the variance that each parameter explains into a PNG."""
    names = list(found)[::-1]
    with styled():
        figure, (axes,) = panels(1, 1, width=8.5, height=1.4 + 0.35 * len(names))
        figure.set_layout_engine("constrained")
        axes.barh(range(len(names)), [found[name] for name in names], color=LINE, height=0.6)
        axes.set_yticks(range(len(names)), [short(name, WIDEST) for name in names])
        axes.set(
            xlabel="share of the variance (functional ANOVA)", title="Importance of the parameters"
        )
        axes.grid(visible=False, axis="y")
        save(figure, path)


class _Scale:
    """Where values stand between 0 and 1: numbers by size, on a log scale if far apart."""

    def __init__(self, values: Sequence[Any]) -> None:
        there = [value for value in values if value is not None]
        self.gaps = len(there) < len(values)
        self.numbers = bool(there) and all(map(is_number, there))
        self.log = self.numbers and min(there) > 0 and max(there) / min(there) >= _DECADES
        if self.numbers:
            self.ends = min(there), max(there)
        else:
            self.words = sorted({str(value) for value in there})

    def height(self, value: Any) -> float:
        """A value's place; below all others where there is no value."""
        if value is None:
            return _NOT_SET
        if not self.numbers:
            return self.words.index(str(value)) / max(len(self.words) - 1, 1)
        low, high, at = (np.log(x) if self.log else x for x in (*self.ends, value))
        return float((at - low) / (high - low)) if high > low else 0.5

    def marks(self) -> list[tuple[float, str]]:
        """What to write beside the axis, and where."""
        gap = [(_NOT_SET, "not set")] if self.gaps else []
        if not self.numbers:
            return gap + [(self.height(word), short(word, 18)) for word in self.words[:10]]
        low, high = self.ends
        middle = float(np.sqrt(low * high)) if self.log else (low + high) / 2
        values = dict.fromkeys((low, middle, high))
        return gap + [(self.height(value), f"{value:.4g}") for value in values]


def _label_axis(axes: "Axes", place: int, scale: _Scale) -> None:
    axes.axvline(place, color="#8a8a86", linewidth=0.8, zorder=0)
    for height, text in scale.marks():
        behind = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1}
        at: dict[str, Any] = {"textcoords": "offset points", "fontsize": 7, "zorder": 5}
        axes.annotate(text, (place, height), (4, 0), va="center", bbox=behind, **at)
