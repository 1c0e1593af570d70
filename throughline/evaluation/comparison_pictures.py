"""The pictures of a comparison: the candidates' curves over each other, and their intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from throughline.evaluation.curves import Curve
from throughline.evaluation.evaluation import PARTS
from throughline.report.style import COLOURS, FAINT, LINE, panels, save, short, styled

WIDEST = 40
DASHES = ("-", "--", ":", "-.")


class Titled(Protocol):
    """A candidate with its logged metrics."""

    @property
    def title(self) -> str:
        """Its name."""
        ...

    @property
    def metrics(self) -> dict[str, float]:
        """By ``<part>_<metric>``."""
        ...


def draw_curves(curves: Mapping[str, Mapping[str, Curve]], title: str, path: Path) -> None:
    """Draws the curves of all candidates into a PNG, a panel for each kind of curve.

    Args:
        curves: By candidate and kind; every candidate has the same kinds.
        title: Of the picture.
        path: The PNG.
    """
    kinds = list(next(iter(curves.values())))
    with styled():
        figure, drawn = panels(1, len(kinds), width=5.4 * len(kinds) + 0.6, height=5.0)
        figure.set_layout_engine("constrained")
        for axes, kind in zip(drawn, kinds, strict=True):
            for place, (name, found) in enumerate(curves.items()):
                (x, xs), (y, ys) = found[kind].items()
                style = DASHES[place // len(COLOURS) % len(DASHES)]
                colour = COLOURS[place % len(COLOURS)]
                axes.plot(xs, ys, color=colour, linestyle=style, label=short(name, WIDEST))
            axes.set(xlabel=x, ylabel=y, title=kind.replace("_", " and "))
        lines, names = drawn[0].get_legend_handles_labels()
        figure.legend(lines, names, loc="outside lower center", ncols=4, frameon=False)
        figure.suptitle(title, fontsize=11)
        save(figure, path)


def draw_intervals(candidates: Sequence[Titled], metric: str, path: Path) -> None:
    """Draws the metric of each candidate and its interval on both parts into a PNG."""
    shown = candidates[::-1]
    with styled():
        figure, (axes,) = panels(1, 1, width=8.5, height=1.5 + 0.5 * len(shown))
        figure.set_layout_engine("constrained")
        for part, shift, colour in zip(PARTS, (0.14, -0.14), (FAINT, LINE), strict=True):
            key = f"{part}_{metric}"
            for place, one in enumerate(shown):
                value = one.metrics[key]
                ends = one.metrics.get(f"{key}_low", value), one.metrics.get(f"{key}_high", value)
                axes.plot(ends, [place + shift] * 2, color=colour, linewidth=1.8)
            values = [one.metrics[key] for one in shown]
            places = [place + shift for place in range(len(shown))]
            axes.plot(values, places, "o", color=colour, label=f"{part} rows")
        axes.set_yticks(range(len(shown)), [short(one.title, WIDEST) for one in shown])
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.set(xlabel=f"{metric}, with its 95 % interval")
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper right", ncols=2, frameon=False)
        save(figure, path)
