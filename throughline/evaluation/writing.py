"""Writes what an evaluation found: pictures and tables beside the model card."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from throughline.evaluation.card import CARD, card_of
from throughline.evaluation.curves import curves_of
from throughline.evaluation.evaluation import Evaluation
from throughline.evaluation.pictures import draw_importances, draw_part, draw_slices
from throughline.features.layout import Layout
from throughline.models.family import Trained
from throughline.prepared import PreparedTable
from throughline.report.document import Picture, as_html, as_markdown

PICTURES = "pictures"
TABLES = "evaluation"
CURVES = f"{TABLES}/curves.json"


def write_evaluation(
    table: PreparedTable, trained: Trained, title: str, evaluation: Evaluation, folder: Path
) -> None:
    """Writes tables, pictures and the model card, as Markdown and HTML, into ``folder``.

    Args:
        table: The prepared table.
        trained: The model.
        title: The candidate's name, for people.
        evaluation: What it is worth.
        folder: Is made if it is not there.
    """
    layout, own = table.layout, trained.importances
    write_tables(evaluation, own, layout, folder)
    pictures = draw(evaluation, own, layout, table.recipe.metric, folder)
    card = card_of(table, trained, title, evaluation, pictures)
    (folder / f"{CARD}.md").write_text(as_markdown(card), encoding="utf-8")
    (folder / f"{CARD}.html").write_text(as_html(card, folder), encoding="utf-8")


def write_tables(
    evaluation: Evaluation, own_importances: dict[str, float], layout: Layout, folder: Path
) -> None:
    """Writes slices, calibration, curves and importances as JSON below ``folder``."""
    (folder / TABLES).mkdir(parents=True, exist_ok=True)
    parts = evaluation.parts
    tables: dict[str, Any] = {
        "curves": {name: curves_of(p.part.labels, p.scores, layout) for name, p in parts.items()},
        "slices": {name: [one.as_json() for one in p.slices] for name, p in parts.items()},
        "calibration": {
            name: p.measured.calibration.as_json()
            for name, p in parts.items()
            if p.measured.calibration
        },
        "permutation": {name: asdict(loss) for name, loss in evaluation.losses.items()},
        "importances": own_importances,
    }
    for name, table in tables.items():
        if table and any(table.values()):
            text = json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
            (folder / TABLES / f"{name}.json").write_text(text, encoding="utf-8")


def draw(
    evaluation: Evaluation,
    own_importances: dict[str, float],
    layout: Layout,
    metric: str,
    folder: Path,
) -> dict[str, Picture]:
    """Draws the pictures below ``folder``.

    Returns:
        Those drawn, by what they show: ``validation``, ``test``, ``importances``, ``slices``.
    """
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    found = {}

    def picture(name: str, title: str) -> Path:
        found[name] = Picture(f"{PICTURES}/{name}.png", title)
        return folder / found[name].file

    for name, part in evaluation.parts.items():
        draw_part(part, layout, evaluation.decisions, picture(name, f"On the {name} rows"))
    if evaluation.losses or own_importances:
        path = picture("importances", "Importance of the features")
        draw_importances(evaluation.losses, own_importances, metric, path)
    test = evaluation.parts["test"]
    if test.slices:
        path = picture("slices", f"{metric} of the slices of the test rows")
        draw_slices(test.slices, test.measured.metrics[metric], metric, path)
    return found
