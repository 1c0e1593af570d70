"""Preparation: from the recipe's tables to a prepared table and its feature plan, on Spark."""

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw

from throughline.errors import UserError
from throughline.expressions import check_kinds, columns_of, compile_expression
from throughline.features.fitting import check_ops, fit_plan
from throughline.features.op import quoted
from throughline.features.plan import Plan
from throughline.features.schema import kinds_of
from throughline.features.selection import FeatureSelection
from throughline.history import add_history, add_moments
from throughline.label import add_label, classes_of, encode_label
from throughline.outputs import Output
from throughline.sources.joins import join_table
from throughline.sources.tables import read_table, readable
from throughline.splitting import PARTS, SPLIT, add_split, sampled
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from throughline.recipe import History, Recipe

logger = logging.getLogger(__name__)

RAW = "raw"


@dataclass(frozen=True)
class Preparation:
    """What a finished preparation made."""

    plan: Plan
    rows: dict[str, int]


def prepare(
    spark: "SparkSession",
    recipe: "Recipe",
    output: Output,
    data_root: str,
    *,
    fraction: float = 1.0,
    row_groups: int = 16,
) -> Preparation:
    """Writes raw and prepared rows and the plan; the manifest last.

    Args:
        spark: The session.
        recipe: The recipe.
        output: Where to write; left empty if the preparation does not finish.
        data_root: Where samples are kept as Parquet.
        fraction: The share of the rows to take, by their key.
        row_groups: How many files each prepared part has; workers share them out.

    Raises:
        UserError: If the tables do not fit the recipe.
    """
    try:
        return _prepare(spark, recipe, output, data_root, fraction, row_groups)
    except BaseException:
        output.clear()
        raise


def _prepare(
    spark: "SparkSession",
    recipe: "Recipe",
    output: Output,
    data_root: str,
    fraction: float,
    row_groups: int,
) -> Preparation:
    with readable(recipe.source.table):
        table = raw_table(spark, recipe, data_root, fraction)
        write_raw(without_dropped_rows(table, recipe), recipe, output)
        raw = {part: spark.read.parquet(output.path(f"{RAW}/{SPLIT}={part}")) for part in PARTS}
        classes = classes_of(raw["train"], recipe.label)
        labelled = {part: encode_label(rows, recipe.label, classes) for part, rows in raw.items()}
        selection = FeatureSelection(
            label=recipe.label.name,
            task=recipe.label.task,
            classes=classes,
            features=recipe.features,
            excluded=(frozenset(recipe.key) - set(recipe.features or ())) | {recipe.label.name},
        )
        _computable(recipe.metric, classes)
        every_row = spark.read.parquet(output.path(RAW))
        plan = fit_plan(recipe.prepare, labelled["train"], selection, every_row)
        for part, rows in labelled.items():
            prepared = _labelled_only(plan, rows, recipe.label.name)
            prepared.repartition(row_groups).write.parquet(output.path(part))
            logger.info("wrote the prepared %s rows", part)
        counted = {part: spark.read.parquet(output.path(part)).count() for part in PARTS}
    _no_part_is_empty(counted)
    output.write_text("plan.json", plan.to_json())
    output.write_text("recipe.json", json.dumps(recipe.model_dump(mode="json", by_alias=True)))
    output.commit({"rows": counted, "recipe": recipe.digest(), "fraction": fraction})
    return Preparation(plan=plan, rows=counted)


def raw_table(
    spark: "SparkSession", recipe: "Recipe", data_root: str, fraction: float = 1.0
) -> "DataFrame":
    """The rows as a request would carry them, with the label and the split, on Spark.

    History is computed over every row, before a fraction is taken and before the joins; what is
    known only afterwards goes last.

    Raises:
        UserError: If a column that the recipe names is not in the table.
    """
    table = read_table(spark, recipe.source.table, data_root)
    if recipe.source.where:
        table = _rows_where(table, recipe.source.where)
    _has_columns(table, recipe.key, "key")
    _has_moment_columns(table, recipe)
    table = add_moments(table, recipe.moments)
    table = add_label(table, recipe.label)
    table = add_split(table, recipe.split, recipe.key)
    for feature in recipe.history:
        _has_history_columns(table, feature)
    table = sampled(add_history(table, recipe.history), fraction, recipe.key)
    for join in recipe.source.joins:
        table = join_table(table, read_table(spark, join.table, data_root), join)
    _has_columns(table, recipe.known_after, "known_after")
    table = table.drop(*recipe.afterwards)
    check_ops(recipe.prepare, kinds_of(table), recipe.label.name)
    return table


def without_dropped_rows(table: "DataFrame", recipe: "Recipe") -> "DataFrame":
    """The rows that the recipe trains on and measures on; ``drop_rows`` stands before all else."""
    frame = nw.from_native(table)
    for op in recipe.prepare:
        if op.changes_rows:
            frame = op.fit(table, {}).apply_in_training(frame)
    kept: DataFrame = frame.to_native()
    return kept


def _rows_where(table: "DataFrame", where: str) -> "DataFrame":
    _has_columns(table, columns_of(where), "source.where")
    check_kinds(where, kinds_of(table))
    condition = compile_expression(where).fill_null(False)
    kept: DataFrame = nw.from_native(table).filter(condition).to_native()
    return kept


def write_raw(table: "DataFrame", recipe: "Recipe", output: Output) -> None:
    """Writes the raw rows, one folder per part of the split.

    Raises:
        UserError: If a part has no row with a label.
    """
    table.write.partitionBy(SPLIT).parquet(output.path(RAW))
    logger.info("wrote the raw rows")
    label = quoted(recipe.label.name)
    written = table.sparkSession.read.parquet(output.path(RAW)).where(f"{label} is not null")
    found = {str(row[0]): int(row[1]) for row in written.groupBy(SPLIT).count().collect()}
    _no_part_is_empty({part: found.get(part, 0) for part in PARTS})


def _labelled_only(plan: Plan, rows: "DataFrame", label: str) -> Any:
    frame = plan.transform_for_training(nw.from_native(rows), keep=[label])
    return frame.filter(~nw.col(label).is_null()).to_native()


def _no_part_is_empty(rows: dict[str, int]) -> None:
    for part, count in rows.items():
        if not count:
            counts = ", ".join(f"{name} {rows[name]}" for name in PARTS)
            raise UserError(
                f"The split leaves no {part} rows with a label ({counts}); change 'split' in the "
                "recipe, or take more rows."
            )


def _computable(metric: str, classes: tuple[str, ...] | None) -> None:
    if classes and len(classes) > 2 and metric in ("pr_auc", "brier"):
        raise UserError(
            f"The metric {metric!r} is for two classes, and the label has {len(classes)}; "
            "choose log_loss, roc_auc or accuracy."
        )


def _has_history_columns(table: "DataFrame", feature: "History") -> None:
    """Raises a UserError if a column of a history feature is not there or of a wrong kind."""
    if feature.count:
        _has_columns(table, feature.count.by, "history")
    if rolling := feature.rolling:
        wanted = {rolling.of: "number", rolling.time: "time", rolling.at: "time"}
        _has_columns(table, [*rolling.by, *wanted], "history")
        kinds = kinds_of(table)
        for column, kind in wanted.items():
            if kinds.get(column) != kind:
                raise UserError(
                    f"The recipe's history wants a {kind} in the column {column!r}, which holds "
                    f"{kinds.get(column, 'something else')}."
                )


def _has_moment_columns(table: "DataFrame", recipe: "Recipe") -> None:
    for name, moment in recipe.moments.items():
        columns = [moment.start, *columns_of(str(moment.plus_minutes))]
        _has_columns(table, columns, f"moments.{name}")
        check_kinds(f"-({moment.plus_minutes})", kinds_of(table))
        if kinds_of(table)[moment.start] != "time":
            raise UserError(
                f"The moment {name!r} starts from {moment.start!r}, which holds "
                f"{kinds_of(table)[moment.start]}, not times; store it as timestamps."
            )


def _has_columns(table: "DataFrame", columns: Any, where: str) -> None:
    for column in columns:
        if column not in table.columns:
            raise UserError(
                f"The recipe's {where} names the column {column!r}, which is not in the table; "
                f"{nearest(column, table.columns)}."
            )
