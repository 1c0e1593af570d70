"""The pictures of a preparation: distributions of training and test rows, and missing values."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.report.comparison import Comparison
from throughline.report.panels import WIDEST_TITLE, draw_panel, percent
from throughline.report.style import FAINT, LINE, panels, save, short, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
BARS = 30
_ROWS = {"train": "training rows", "test": "test rows"}


def draw_distributions(
    comparisons: Sequence[Comparison], title: str, path: Path, most: int = 24
) -> None:
    """Draws a panel per column into a PNG, the greatest drift first, ``most`` at most."""
    readable = [column for column in comparisons if column.histogram]
    chosen = sorted(readable, key=lambda column: -column.test_drift)[:most]
    rows = max(1, -(-len(chosen) // COLUMNS))
    with styled():
        height = 1.85 * rows + 0.5
        figure, drawn = panels(rows, COLUMNS, width=12.5, height=height)
        # by hand: laying out many panels takes longer than drawing them
        figure.subplots_adjust(
            left=0.065, right=0.985, wspace=0.38, hspace=0.6, bottom=0.3 / height,
            top=1 - 0.8 / height,
        )  # fmt: skip
        for axes, column in zip(drawn, chosen, strict=False):
            draw_panel(axes, column)
        for axes in drawn[len(chosen) :]:
            axes.set_axis_off()
        figure.suptitle(title, x=0.008, y=1 - 0.12 / height, ha="left", va="top", fontsize=11)
        _legend(figure)
        save(figure, path)


def draw_missing(before: Sequence[Comparison], after: Sequence[Comparison], path: Path) -> None:
    """Draws the share of missing values of the raw columns, and what is left of it, into a PNG."""
    left = {column.name: column.missing for column in after}
    missed = [column for column in before if max(column.missing.values())]
    chosen = sorted(missed, key=lambda column: max(column.missing.values()))[-BARS:]
    with styled():
        figure, (axes,) = panels(1, 1, width=8.5, height=1.3 + 0.27 * len(chosen))
        figure.set_layout_engine("constrained")
        places = np.arange(len(chosen))
        for part, shift, colour in (("train", 0.2, FAINT), ("test", -0.2, LINE)):
            shares = [column.missing[part] for column in chosen]
            axes.barh(places + shift, shares, 0.38, color=colour, label=_ROWS[part])
        kept = [(left[c.name]["train"], i) for i, c in enumerate(chosen) if c.name in left]
        if kept:
            axes.plot(*zip(*kept, strict=True), "D", color="#333333", markersize=4, clip_on=False,
                      label="the feature of that name, training rows")  # fmt: skip
        axes.set_yticks(places, [short(column.name, WIDEST_TITLE) for column in chosen])
        axes.set(xlabel="share of the rows that miss the column", ylim=(-0.7, len(chosen) - 0.3))
        axes.set_xlim(0, None)
        axes.xaxis.set_major_formatter(percent)
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper right", ncols=3, frameon=False)
        save(figure, path)


def _legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries = [
        Patch(color=FAINT, alpha=0.55, label=_ROWS["train"]),
        Line2D([], [], color=LINE, label=_ROWS["test"]),
    ]
    figure.legend(handles=entries, loc="upper right", ncols=2, frameon=False, fontsize=9)
