"""The comparison of candidates: one page with their figures, intervals and curves."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.evaluation.comparison_pictures import draw_curves, draw_intervals
from throughline.evaluation.evaluation import PARTS
from throughline.evaluation.figures import with_interval
from throughline.evaluation.metrics import better
from throughline.evaluation.writing import CURVES
from throughline.report.document import Document, Picture, Section, Table, as_html
from throughline.tracking import CANDIDATE, TRAINING_SECONDS

if TYPE_CHECKING:
    from mlflow.entities import Run

PAGE = "comparison.html"


_NO_METRICS = ("positive_rate", "ece")
"""Figures by which candidates are not compared."""


@dataclass(frozen=True)
class Compared:
    """A candidate's logged figures.

    Attributes:
        title: Its name, for people.
        metrics: As its run logged them, ``<part>_<metric>``.
        curves: By part and name, as :func:`throughline.evaluation.curves.curves_of` gives them.
    """

    title: str
    metrics: dict[str, float]
    curves: dict[str, Any]


def log_comparison(candidates: "list[Run]", metric: str) -> Compared:
    """Logs the page of some candidates, on one prepared table, in the active run.

    Returns:
        The best of them by the metric on the validation rows.
    """
    import tempfile

    import mlflow

    compared = [
        Compared(
            run.data.tags[CANDIDATE],
            run.data.metrics,
            mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/{CURVES}"),
        )
        for run in candidates
    ]
    with tempfile.TemporaryDirectory() as folder:
        best = write_comparison(compared, metric, Path(folder))
        mlflow.log_artifacts(folder, "comparison")
    return best


def write_comparison(candidates: list[Compared], metric: str, folder: Path) -> Compared:
    """Writes the page and its pictures into ``folder``.

    Args:
        candidates: One or more, measured on the same rows.
        metric: The recipe's metric; the best candidate by it on validation rows stands first.
        folder: Is there.

    Returns:
        The candidate that stands first.
    """
    ordered = _best_first(candidates, metric)
    curves = [Picture(f"{part}.png", f"Curves on the {part} rows") for part in PARTS]
    for part, picture in zip(PARTS, curves, strict=True):
        shown = {one.title: one.curves[part] for one in ordered}
        draw_curves(shown, f"On the {part} rows", folder / picture.file)
    intervals = Picture("intervals.png", f"{metric} with its 95 % interval")
    draw_intervals(ordered, metric, folder / intervals.file)
    sections = [
        Section(
            f"On the {part} rows",
            table=_table(ordered, part),
            pictures=(picture,),
        )
        for part, picture in zip(PARTS, curves, strict=True)
    ]
    about = (
        f"By {metric} on the validation rows, {ordered[0].title} is best. The figures in brackets "
        "are 95 % intervals; the best of each row is bold."
    )
    first = Section(f"{metric} of the candidates", pictures=(intervals,))
    document = Document(f"{len(ordered)} candidates compared", about, (first, *sections))
    (folder / PAGE).write_text(as_html(document, folder), encoding="utf-8")
    return ordered[0]


def _best_first(candidates: list[Compared], metric: str) -> list[Compared]:
    key = f"validation_{metric}"
    sign = 1 if better(metric, 0, 1) else -1
    return sorted(candidates, key=lambda one: sign * one.metrics[key])


def _table(candidates: list[Compared], part: str) -> Table:
    """A row for each metric, a column for each candidate; the best of a row is pointed out."""
    prefix = f"{part}_"
    measured = [
        {k.removeprefix(prefix): v for k, v in one.metrics.items() if k.startswith(prefix)}
        for one in candidates
    ]
    names = [n for n in measured[0] if f"{n}_low" in measured[0] and n != "positive_rate"]
    names = names or [n for n in measured[0] if n not in _NO_METRICS]  # of few blocks no interval
    rows = [
        (name, *(with_interval(found, _ends(found), name) for found in measured)) for name in names
    ]
    best = set()
    for row, name in enumerate(names):
        values = [found[name] for found in measured]
        leading = [i for i, v in enumerate(values) if not any(better(name, o, v) for o in values)]
        best |= {(row, column + 1) for column in leading}
    seconds = [one.metrics.get(TRAINING_SECONDS) for one in candidates]
    rows.append((TRAINING_SECONDS.replace("_", " "), *map(_seconds, seconds)))
    return Table(("", *(one.title for one in candidates)), tuple(rows), best=frozenset(best))


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _ends(found: dict[str, float]) -> dict[str, tuple[float, float]]:
    names = [name.removesuffix("_low") for name in found if name.endswith("_low")]
    return {name: (found[f"{name}_low"], found[f"{name}_high"]) for name in names}
