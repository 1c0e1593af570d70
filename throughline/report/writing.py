"""Writes the report of a finished preparation: a page, its pictures, the drift as a table."""

import json
import logging
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.features.plan import Plan
from throughline.outputs import Output
from throughline.recipe.recipe import Recipe
from throughline.report.comparison import Comparison, compare
from throughline.report.label_shares import label_table
from throughline.report.page import Findings, render
from throughline.report.pictures import draw_distributions, draw_missing
from throughline.report.profile import profile_of
from throughline.splitting.splitting import PARTS, SPLIT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

logger = logging.getLogger(__name__)


def write_report(
    spark: "SparkSession", output: Output, recipe: Recipe, plan: Plan, folder: Path
) -> list[Path]:
    """Writes ``prep.html``, its pictures and ``drift.json`` into ``folder``.

    Args:
        spark: The session.
        output: A finished preparation: its raw and its prepared rows.
        recipe: The recipe it was made by.
        plan: The plan that it made.
        folder: Where to write; is made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prepared = _prepared(spark, output, plan)
    label = plan.layout.label
    profiles = profile_of(spark.read.parquet(output.path("raw"))), profile_of(prepared.drop(label))
    raw, features = (compare(profile) for profile in profiles)
    pictures = _draw(plan, raw, features, folder)
    shares = label_table(prepared, plan.layout)
    rows = {"raw": profiles[0].rows, "prepared": profiles[1].rows}
    findings = Findings(recipe, plan, rows, shares, raw, features)
    page, drift = folder / "prep.html", folder / "drift.json"
    page.write_text(render(findings, pictures), encoding="utf-8")
    drift.write_text(drift_table(raw, features), encoding="utf-8")
    logger.info("wrote the report")
    return [page, *pictures.values(), drift]


def drift_table(raw: Sequence[Comparison], features: Sequence[Comparison]) -> str:
    """The PSI of all columns as JSON; ``pandas.read_json(..., orient="split")`` reads it."""
    rows = [
        [column.name, kind, *(column.drift[part] for part in PARTS[1:])]
        for kind, columns in (("raw", raw), ("feature", features))
        for column in columns
    ]
    return json.dumps({"columns": ["name", "kind", *PARTS[1:]], "data": rows}, indent=1) + "\n"


def _prepared(spark: "SparkSession", output: Output, plan: Plan) -> "DataFrame":
    """The features and the label of all parts, with their part."""
    from pyspark.sql import functions as F

    from throughline.features.op import quoted

    names = [quoted(name) for name in (*(f.name for f in plan.layout.features), plan.layout.label)]
    parts = [
        spark.read.parquet(output.path(part)).select(*names, F.lit(part).alias(SPLIT))
        for part in PARTS
    ]
    return reduce(lambda above, below: above.unionByName(below), parts)


def _draw(
    plan: Plan, raw: Sequence[Comparison], features: Sequence[Comparison], folder: Path
) -> dict[str, Path]:
    inputs = {column.name for column in plan.inputs}
    used = [column for column in raw if column.name in inputs]
    pictures = {}
    for what, columns, most in (("features", features, 24), ("inputs", used, 12)):
        title = f"Training against test rows: {what}, the greatest drift first"
        pictures[title] = folder / f"{what}.png"
        draw_distributions(columns, title, pictures[title], most)
    if any(column.missing[part] for column in raw for part in PARTS):
        pictures["Missing values of raw columns"] = folder / "missing.png"
        draw_missing(raw, features, folder / "missing.png")
    return pictures
