"""What a model card says about data, split and features."""

import numpy as np

from throughline.evaluation.evaluation import PARTS, Evaluation
from throughline.features.show import kind_of, origin_of
from throughline.prepared import PreparedTable
from throughline.report.document import Section, Table
from throughline.report.page import share

MOST_CLASSES = 20


def data_section(table: PreparedTable, evaluation: Evaluation) -> Section:
    """Where the rows come from, how many there are, and how the label is spread."""
    recipe, layout = table.recipe, table.layout
    joins = [f"joined with {join.table} on {', '.join(join.on)}" for join in recipe.source.joins]
    label = f"The label {recipe.label.name}"
    label += f" is {recipe.label.source}." if recipe.label.source else " is a column of the table."
    items = [", ".join([f"Table: {recipe.source.table}", *joins]) + ".", label]
    if recipe.known_after:
        late = ", ".join(recipe.known_after)
        items.append(f"Known only afterwards, and so never a feature: {late}.")
    if recipe.balance:
        items.append("The training rows were balanced, as the recipe says.")
    counts = tuple(f"{table.rows[part]:,}" for part in ("train", *PARTS))
    rows = [("rows", *counts)]
    labels = [evaluation.parts[part].part.labels for part in PARTS]
    for code, name in enumerate((layout.classes or ())[:MOST_CLASSES]):
        shares = [share(float(np.mean(values == code))) for values in labels]
        rows.append((f"{recipe.label.name} = {name}", "", *shares))
    if not layout.classes:
        means = [f"{np.mean(values.astype(float)):,.6g}" for values in labels]
        rows.append((f"mean of {recipe.label.name}", "", *means))
    return Section("Data", items=tuple(items), table=Table(("", "train", *PARTS), tuple(rows)))


def split_section(table: PreparedTable, evaluation: Evaluation) -> Section:
    """How training, validation and test rows were told apart."""
    split = table.recipe.split
    items = [_way(table)]
    if split.by:
        for name in PARTS:
            rows = evaluation.parts[name].part.rows
            if split.by in rows:
                first, last = rows[split.by].min(), rows[split.by].max()
                items.append(f"The {name} rows are from {first:%Y-%m-%d} to {last:%Y-%m-%d} (UTC).")
    items.append("Ops, threshold and models learnt nothing from the test rows.")
    return Section("Split", items=tuple(items))


def _way(table: PreparedTable) -> str:
    split = table.recipe.split
    if split.by:
        return f"By time, {split.by}: the last rows are for testing, those before for validation."
    if split.group:
        groups = ", ".join(split.group.by)
        return f"By group, {groups}: the rows of a group stay together (seed {split.seed})."
    if split.stratified:
        strata = ", ".join(split.stratified.by) or table.recipe.label.name
        return f"At random within every stratum of {strata} (seed {split.seed})."
    return f"At random, by the key (seed {split.seed})."


def features_section(table: PreparedTable) -> Section:
    """The features, and which raw columns they come from."""
    plan = table.plan
    rows = tuple(
        (feature.name, kind_of(feature), *origin_of(plan, feature.name))
        for feature in plan.layout.features
    )
    text = "What the ops learnt stands in the report of prep."
    return Section(
        "Features", (text,), table=Table(("feature", "kind", "from", "through"), rows, texts=4)
    )
