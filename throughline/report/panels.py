"""The panel of one column in a picture: its training rows against its test rows."""

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from throughline.report.comparison import Comparison
from throughline.report.histogram import Histogram
from throughline.report.style import FAINT, LINE, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDEST_TITLE = 42
WIDEST_LABEL = 11


def draw_panel(axes: "Axes", column: Comparison) -> None:
    """Draws a histogram by range, by number or by value: bars of training rows, lines of test."""
    histogram = column.histogram
    if histogram is None:
        return
    if histogram.edges:
        _ranges(axes, histogram, moments=column.type == "timestamp")
    elif column.type in ("string", "boolean") or len(histogram.labels) <= 1:
        _values(axes, histogram)
    else:
        _numbers(axes, histogram)
    drift = "" if column.drift["test"] is None else f"\nPSI {column.test_drift:.3f}"
    axes.set_title(short(column.name, WIDEST_TITLE) + drift, loc="left", fontsize=8)
    axes.tick_params(labelsize=7, length=2)


def _ranges(axes: "Axes", histogram: Histogram, *, moments: bool) -> None:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    axes.stairs(histogram.train, histogram.edges, fill=True, color=FAINT, alpha=0.55)
    axes.stairs(histogram.test, histogram.edges, color=LINE, linewidth=1.4)
    low, high = histogram.edges[0], histogram.edges[-1]
    thirds = FixedLocator([low + (high - low) * share for share in (1 / 6, 1 / 2, 5 / 6)])
    axes.xaxis.set_major_locator(thirds if moments else MaxNLocator(5))
    axes.xaxis.set_major_formatter(_date if moments else _number)
    _share_axis(axes)


def _numbers(axes: "Axes", histogram: Histogram) -> None:
    places = np.arange(len(histogram.labels))
    axes.bar(places, histogram.train, 0.85, color=FAINT, alpha=0.55)
    axes.hlines(histogram.test, places - 0.42, places + 0.42, color=LINE, linewidth=1.8)
    every = -(-len(places) // 6)
    axes.set_xticks(places[::every], [short(x, 9) for x in histogram.labels[::every]])
    axes.grid(visible=False, axis="x")
    _share_axis(axes)


def _values(axes: "Axes", histogram: Histogram) -> None:
    places = np.arange(len(histogram.labels))
    axes.barh(places, histogram.train, 0.8, color=FAINT, alpha=0.55)
    axes.vlines(histogram.test, places - 0.4, places + 0.4, color=LINE, linewidth=1.8)
    axes.set_yticks(places, [short(label, WIDEST_LABEL) for label in histogram.labels])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, None)
    axes.xaxis.set_major_formatter(percent)


def _share_axis(axes: "Axes") -> None:
    axes.set_ylim(0, None)
    axes.yaxis.set_major_formatter(percent)


def percent(share: float, _: object = None) -> str:
    """A tick of an axis of shares."""
    return f"{100 * share:.3g}%"


def _number(value: float, _: object = None) -> str:
    return f"{value:,.6g}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"


def _date(seconds: float, _: object = None) -> str:
    try:
        return f"{dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds):%Y-%m-%d}"
    except OverflowError:  # Spark's moments go further than Python's
        return _number(seconds)
