"""How pictures look: the same everywhere, readable on a light and on a dark page."""

import unicodedata
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE: Any = {
    "figure.facecolor": "#f7f7f5",
    "axes.facecolor": "#ffffff",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e0",
    "axes.edgecolor": "#8a8a86",
    "font.size": 10,
    "text.parse_math": False,  # a dollar in a name is a dollar
}
LINE = "#1f6f9c"
FAINT = "#9a9a96"
COLOURS = (LINE, "#d55e00", "#009e73", "#b0599a", "#b8860b", "#5b5bd6", "#333333", "#56b4e9")
"""Told apart by colour-blind people too (after Okabe and Ito, "Color universal design", 2002)."""

FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans Arabic",
    "WenQuanYi Zen Hei",
    "Arial Unicode MS",
)
"""The first that is installed and has a letter draws it; where none has, a box stands for it."""


def styled() -> Any:
    """The context in which all of a picture is made: this look, and fonts for many scripts."""
    import matplotlib as mpl
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    fonts = [name for name in FONTS if name in installed] or ["sans-serif"]
    return mpl.rc_context({**STYLE, "font.family": fonts})


def panels(rows: int, columns: int, width: float, height: float) -> "tuple[Figure, list[Axes]]":
    """An empty picture of so many panels, in inches; nothing of it stays in matplotlib's memory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def short(name: str, widest: int) -> str:
    """A name of at most so many columns, wide letters counted twice; the middle is left out."""
    name = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    width = [2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in name]
    if sum(width) <= widest:
        return name
    half = (widest - 1) // 2
    start = int(np.searchsorted(np.cumsum(width), half, side="right"))
    end = int(np.searchsorted(np.cumsum(width[::-1]), half, side="right"))
    return f"{name[:start]}…{name[len(name) - end :]}"


def save(figure: "Figure", path: Path) -> None:
    """Writes a PNG; a letter that no font has becomes a box, without a warning each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, dpi=110)
