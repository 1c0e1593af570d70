"""Preparation: from the recipe's tables to a prepared table and its feature plan, on Spark."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import narwhals as nw

from throughline.balance.balance import balanced, rows_changed
from throughline.balance.row import ROW, with_row
from throughline.contract.contract import Contract, Violation
from throughline.contract.learning import learn_contract
from throughline.contract.table_check import violations_of
from throughline.errors import UserError
from throughline.features.fitting import fit_plan
from throughline.features.needs import needs_of
from throughline.features.plan import Plan
from throughline.features.selection import FeatureSelection
from throughline.label import check_classes, classes_of, encode_label
from throughline.outputs import KEY, Output
from throughline.raw_figures import RawFigures
from throughline.raw_rows import raw_table, without_dropped_rows
from throughline.sources.joins import Matches
from throughline.sources.tables import readable
from throughline.spark import check_writable
from throughline.splitting.splitting import PARTS, SPLIT, add_folds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from throughline.recipe.recipe import Recipe
    from throughline.recipe.source import Source

logger = logging.getLogger(__name__)

RAW = "raw"
_FILES = 16
"""The most files of the validation rows, and of the test rows."""


@dataclass(frozen=True)
class Preparation:
    """What a finished preparation made.

    Attributes:
        plan: The feature plan.
        rows: How many rows each part has.
        contract: What the training rows are like.
        violations: What did not keep the contract of an earlier preparation.
        balance: How many training rows balancing made or dropped; ``rows`` counts those before.
    """

    plan: Plan
    rows: dict[str, int]
    contract: Contract
    violations: list[Violation]
    balance: dict[str, int] = field(default_factory=dict)


def prepare(
    spark: "SparkSession",
    recipe: "Recipe",
    output: Output,
    data_root: str,
    *,
    source: "Source | None" = None,
    fraction: float = 1.0,
    row_groups: int = 64,
    earlier: Contract | None = None,
    key: Callable[[], str] = str,
) -> Preparation:
    """Writes raw and prepared rows and the plan; the manifest last.

    Args:
        spark: The session.
        recipe: The recipe.
        output: Where to write; left empty if the preparation does not finish.
        data_root: Where samples are kept as Parquet.
        source: Where the tables are, if not where the recipe says.
        fraction: The share of the rows to take, by their key.
        row_groups: How many equal files the training rows have, so that up to as many workers of
            a distributed training each open files of their own.
        earlier: A contract to check the raw rows against, that of an earlier preparation.
        key: Gives, once all is written, what tells this preparation from others, for the manifest.

    Raises:
        UserError: If the tables do not fit the recipe, or do not keep the earlier contract, which
            is to refuse them, or Spark cannot write to the output.
    """
    check_writable(spark, output.uri)
    try:
        there = recipe.model_copy(update={"source": source or recipe.source})
        return _prepare(spark, recipe, there, output, data_root, fraction, row_groups, earlier, key)
    except BaseException:
        output.clear()
        raise


def _prepare(
    spark: "SparkSession",
    recipe: "Recipe",
    there: "Recipe",
    output: Output,
    data_root: str,
    fraction: float,
    row_groups: int,
    earlier: Contract | None,
    key: Callable[[], str],
) -> Preparation:
    with readable(there.source.table):
        joins: list[Matches] = []
        table = raw_table(spark, there, data_root, fraction, joins)
        without_dropped_rows(table, recipe).write.partitionBy(SPLIT).parquet(output.path(RAW))
        logger.info("wrote the raw rows")
        # of no rows there is no file that could tell the columns
        every_row = spark.read.schema(table.schema).parquet(output.path(RAW))
        selection = selection_of(recipe)
        needs = needs_of(recipe.prepare, every_row.drop(SPLIT), selection)
        figures = RawFigures.of(every_row, needs.inputs, recipe.label.name, joins)
        _no_part_is_empty(figures.labelled)
        training = spark.read.parquet(output.path(f"{RAW}/{SPLIT}=train"))
        instead = "set 'contract: warn' in the recipe"
        violations = violations_of(earlier, every_row, instead) if earlier else []
        classes = classes_of(training, recipe.label)
        check_classes(recipe, classes)
        selection = selection_of(recipe, classes)
        labelled = labelled_training(training, recipe, classes)
        plan = fit_plan(recipe.prepare, labelled, selection, figures.optional)
        contract = learn_contract(
            training,
            plan.inputs,
            **recipe.contract.model_dump(),
            figures=figures.of_parts["train"],
        )
        plan, real = _write_training(plan, labelled, recipe, output, row_groups)
        rows = encode_label(every_row, recipe.label, classes)
        prepared = _prepared(plan.transform, rows, plan, SPLIT)
        for part in PARTS[1:]:
            rows_of_part = prepared.where(prepared[SPLIT] == part).drop(SPLIT)
            _write(rows_of_part, part, output, min(row_groups, _FILES))
        counted = {part: spark.read.parquet(output.path(part)).count() for part in PARTS}
    changed = rows_changed(real, counted["train"]) if real is not None else {}
    if real is not None:
        counted["train"] = real
    _no_part_is_empty(counted)
    output.write_text("plan.json", plan.to_json())
    output.write_text("contract.json", contract.to_json())
    output.write_text("recipe.json", json.dumps(recipe.model_dump(mode="json", by_alias=True)))
    told = {"rows": counted, "recipe": recipe.digest(), "fraction": fraction}
    output.commit({**told, KEY: key()})
    return Preparation(plan, counted, contract, violations, changed)


def labelled_training(
    rows: "DataFrame", recipe: "Recipe", classes: tuple[str, ...] | None
) -> "DataFrame":
    """Raw training rows with the label to learn from, and their folds if an op needs them."""
    labelled = encode_label(rows, recipe.label, classes)
    if any(op.needs_folds(recipe.label.name) for op in recipe.prepare):
        return add_folds(labelled, recipe.split, recipe.label.name, recipe.key)
    return labelled


def selection_of(recipe: "Recipe", classes: tuple[str, ...] | None = None) -> FeatureSelection:
    """The label and the features that a recipe asks for."""
    return FeatureSelection(
        label=recipe.label.name,
        task=recipe.label.task,
        classes=classes,
        features=recipe.features,
        excluded=(frozenset(recipe.key) - set(recipe.features or ())) | {recipe.label.name},
    )


def _write_training(
    plan: Plan, training: "DataFrame", recipe: "Recipe", output: Output, row_groups: int
) -> tuple[Plan, int | None]:
    """Writes the training rows, balanced if the recipe says so.

    Returns:
        The plan, whose layout may name a weight now, and how many rows there were before
        balancing; None without it.
    """
    if not recipe.balance:
        prepared = _prepared(plan.transform_to_train, training, plan)
        _write(prepared, "train", output, row_groups)
        return plan, None
    rows = with_row(training, recipe.key)
    prepared = _prepared(plan.transform_to_train, rows, plan, ROW)
    with balanced(prepared, plan.layout, recipe.balance) as (ready, layout, real):
        _write(ready, "train", output, row_groups)
    return Plan(**{**dict(plan), "layout": layout}), real


def _prepared(walk: Callable[..., Any], rows: "DataFrame", plan: Plan, *more: str) -> "DataFrame":
    label = plan.layout.label
    frame = walk(nw.from_native(rows), keep=[label, *more])
    found: DataFrame = frame.filter(~nw.col(label).is_null()).to_native()
    return found


def _write(rows: "DataFrame", part: str, output: Output, row_groups: int) -> None:
    rows.repartition(row_groups).write.parquet(output.path(part))
    logger.info("wrote the prepared %s rows", part)


def _no_part_is_empty(rows: dict[str, int]) -> None:
    if not any(rows.values()):
        raise UserError(
            "No row with a label is left; change 'source.where', 'drop_rows' or 'label' in the "
            "recipe, or give a table with rows."
        )
    for part, count in rows.items():
        if not count:
            counts = ", ".join(f"{name} {rows[name]}" for name in PARTS)
            raise UserError(
                f"The split leaves no {part} rows with a label ({counts}); change 'split' in the "
                "recipe, or take more rows."
            )
