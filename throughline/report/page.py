"""The page of a preparation: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughline.features.plan import Plan
from throughline.features.show import kind_of, learnt, origin_of
from throughline.recipe.recipe import Recipe
from throughline.report.comparison import Comparison
from throughline.report.drift import MUCH, SOME
from throughline.report.html import embedded, environment
from throughline.report.label_shares import Table
from throughline.report.notes import notes
from throughline.report.profile import SAMPLE
from throughline.report.sparkline import paths
from throughline.splitting.splitting import PARTS

TEMPLATE = "prep.html.j2"


@dataclass(frozen=True)
class Findings:
    """What the page tells.

    Attributes:
        recipe: The recipe.
        plan: What was learnt.
        rows: The rows of each part, ``raw`` and ``prepared``.
        label: The label in each part.
        raw: The raw columns.
        features: The features.
    """

    recipe: Recipe
    plan: Plan
    rows: Mapping[str, Mapping[str, int]]
    label: Table
    raw: Sequence[Comparison]
    features: Sequence[Comparison]


def render(findings: Findings, pictures: Mapping[str, Path]) -> str:
    """The page as HTML; names and values are escaped, pictures are inside.

    Args:
        findings: What it tells.
        pictures: PNG files by their heading.
    """
    templates = environment()
    templates.filters |= {"share": share, "psi": _psi, "grade": _grade, "paths": _paths}
    plan = findings.plan
    return templates.get_template(TEMPLATE).render(
        recipe=findings.recipe,
        layout=plan.layout,
        parts=PARTS,
        rows=findings.rows,
        label=findings.label,
        notes=notes(plan, findings.raw, findings.features),
        columns=[(column, _role(column.name, findings)) for column in findings.raw],
        after={column.name: column.missing for column in findings.features},
        features=[
            (column, kind_of(feature), *origin_of(plan, feature.name))
            for column, feature in zip(findings.features, plan.layout.features, strict=True)
        ],
        learnt=list(learnt(plan)),
        pictures={title: embedded(path) for title, path in pictures.items()},
        sample=SAMPLE,
        some=SOME,
        much=MUCH,
    )


def share(value: float) -> str:
    """A share as a percentage; what is not nothing does not look like it."""
    if not value:
        return "0"
    return "<0.1%" if value < 0.001 else f"{value:.1%}"


def _psi(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _grade(value: float | None) -> str:
    return "much" if (value or 0) > MUCH else "some" if (value or 0) > SOME else ""


def _paths(column: Comparison) -> Any:
    return paths(column.histogram)


def _role(name: str, findings: Findings) -> str:
    if name == findings.recipe.label.name:
        return "label"
    if any(name == column.name for column in findings.plan.inputs):
        return "input"
    return "key" if name in findings.recipe.key else "not used"
