"""The page of a search or of a grid, with its pictures."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from throughline.evaluation.metrics import HIGHER_IS_BETTER
from throughline.report.document import Document, Picture, Section, Table, as_html
from throughline.tuning.importance import FEWEST, importances
from throughline.tuning.pictures import draw_importances, draw_parameters, draw_values
from throughline.tuning.trial import Trial

PAGE = "tuning.html"
_MOST_ROWS = 200
_WORDS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "ended early"}


def log_page(trials: Sequence[Trial], metric: str, measured_on: str) -> None:
    """Logs the page in the active run, below ``tuning``.

    Args:
        trials: At least one that finished.
        metric: The recipe's.
        measured_on: Which rows the trials were measured on, for people.
    """
    import mlflow

    with tempfile.TemporaryDirectory() as folder:
        write_page(trials, metric, measured_on, Path(folder))
        mlflow.log_artifacts(folder, "tuning")


def write_page(trials: Sequence[Trial], metric: str, measured_on: str, folder: Path) -> None:
    """Writes the page and its pictures into ``folder``, which is there."""
    finished = [trial for trial in trials if trial.value is not None]
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    ordered = sorted(finished, key=lambda trial: sign * (trial.value or 0.0))
    others = [trial for trial in trials if trial.value is None]
    found = importances(finished)
    values = Picture("values.png", f"{metric} of the trials")
    parameters = Picture("parameters.png", "The parameters of the trials, the best on top")
    draw_values(trials, metric, folder / values.file)
    draw_parameters(
        finished, [*dict.fromkeys([*found, *_shown(finished)])], metric, folder / parameters.file
    )
    sections = [
        Section("How it went", pictures=(values,)),
        Section("The parameters side by side", pictures=(parameters,)),
        _importance(found, folder),
        Section("The trials, the best first", table=_table([*ordered, *others], metric)),
    ]
    best = ordered[0]
    about = (
        f"{len(finished)} of {len(trials)} trials finished, measured on {measured_on}. The best, "
        f"trial {best.number + 1}, has {metric} {best.value:.4f}."
    )
    document = Document(f"{len(trials)} trials", about, tuple(sections))
    (folder / PAGE).write_text(as_html(document, folder), encoding="utf-8")


def _importance(found: Mapping[str, float], folder: Path) -> Section:
    title = "What the values depend on"
    if not found:
        text = (
            f"Not told: that takes {FEWEST} finished trials that differ in their parameters and "
            "in their values."
        )
        return Section(title, text=(text,))
    picture = Picture("importances.png", "Importance of the parameters")
    draw_importances(found, folder / picture.file)
    text = (
        "The share of the values' variance that each parameter explains by itself or with others."
    )
    return Section(title, text=(text,), pictures=(picture,))


def _shown(trials: Sequence[Trial]) -> list[str]:
    """The parameters that differ, those included that only some trials have."""
    names = dict.fromkeys(name for trial in trials for name in trial.parameters)
    return [n for n in names if len({str(t.parameters.get(n)) for t in trials}) > 1]


def _table(trials: Sequence[Trial], metric: str) -> Table:
    shown = trials[:_MOST_ROWS]
    columns = _shown(trials) or list(trials[0].parameters)
    head = ("trial", "", metric, "seconds", *columns)
    rows = [
        (
            f"{trial.number + 1}",
            trial.error[:120] or _WORDS[trial.status],
            "" if trial.value is None else f"{trial.value:.4f}",
            f"{trial.ended - trial.started:.1f}",
            *(_cell(trial.parameters.get(name)) for name in columns),
        )
        for trial in shown
    ]
    return Table(head, tuple(rows), texts=2, best=frozenset({(0, 2)}))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
