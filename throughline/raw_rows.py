"""The raw rows: as a request would carry them, from the recipe's tables, on Spark."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import narwhals as nw

from throughline.errors import UserError
from throughline.expressions import check_kinds, columns_of, compile_expression
from throughline.features.checking import check_ops
from throughline.features.op import Learnt
from throughline.features.schema import kinds_of
from throughline.history import add_history, add_moments
from throughline.label import add_label
from throughline.sources.joins import Matches, join_table, keys_checked
from throughline.sources.tables import read_table
from throughline.splitting.splitting import add_split, sampled
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from throughline.recipe.history import History
    from throughline.recipe.recipe import Recipe


def raw_table(
    spark: "SparkSession",
    recipe: "Recipe",
    data_root: str,
    fraction: float = 1.0,
    matches: list[Matches] | None = None,
) -> "DataFrame":
    """The rows as a request would carry them, with the label and the split, on Spark.

    History is computed over every row, before a fraction is taken and before the joins; what is
    known only afterwards goes no further than to tell it.

    Args:
        spark: The session.
        recipe: The recipe.
        data_root: Where samples are kept as Parquet.
        fraction: The share of the rows to take, by their key.
        matches: Takes, where given, how to count the rows that find a match in a join.

    Raises:
        UserError: If a column that the recipe names is not in the table.
    """
    joins = recipe.source.joins
    table = read_table(spark, recipe.source.table, data_root)
    rights = [read_table(spark, join.table, data_root) for join in joins]
    with keys_checked(rights, joins):
        told = _told(table, recipe)
        table = add_history(told.drop(*recipe.afterwards), recipe.history, told)
        table = sampled(table, fraction, recipe.key)
        for right, join in zip(rights, joins, strict=True):
            table = join_table(table, right, join, matches)
    _has_columns([*told.columns, *table.columns], recipe.known_after, "known_after")
    table = table.drop(*recipe.afterwards)
    _has_columns(table.columns, recipe.slices, "slices")
    check_ops(recipe.prepare, kinds_of(table), recipe.label.name)
    return table


def _told(table: "DataFrame", recipe: "Recipe") -> "DataFrame":
    """The recipe's rows with their moments, their label and their part of the split."""
    if recipe.source.where:
        table = _rows_where(table, recipe.source.where)
    _has_columns(table.columns, recipe.key, "key")
    _has_moment_columns(table, recipe)
    table = add_moments(table, recipe.moments)
    table = add_label(table, recipe.label)
    table = add_split(table, recipe.split, recipe.key, recipe.label.name)
    for feature in recipe.history:
        _has_history_columns(table, feature)
    return table


def without_dropped_rows(table: "DataFrame", recipe: "Recipe") -> "DataFrame":
    """The rows that the recipe trains on and measures on; ``drop_rows`` stands before all else."""
    frame = nw.from_native(table)
    for op in recipe.prepare:
        if op.changes_rows:
            frame = op.fit(table, Learnt()).apply(frame)
    kept: DataFrame = frame.to_native()
    return kept


def _rows_where(table: "DataFrame", where: str) -> "DataFrame":
    _has_columns(table.columns, columns_of(where), "source.where")
    check_kinds(where, kinds_of(table))
    condition = compile_expression(where).fill_null(False)
    kept: DataFrame = nw.from_native(table).filter(condition).to_native()
    return kept


def _has_history_columns(table: "DataFrame", feature: "History") -> None:
    """Raises a UserError if a column of a history feature is not there or of a wrong kind."""
    if feature.count:
        _has_columns(table.columns, feature.count.by, "history")
    if rolling := feature.rolling:
        wanted = {rolling.of: "number", rolling.time: "time", rolling.at: "time"}
        _has_columns(table.columns, [*rolling.by, *wanted], "history")
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
        _has_columns(table.columns, columns, f"moments.{name}")
        check_kinds(f"-({moment.plus_minutes})", kinds_of(table))
        if kinds_of(table)[moment.start] != "time":
            raise UserError(
                f"The moment {name!r} starts from {moment.start!r}, which holds "
                f"{kinds_of(table)[moment.start]}, not times; store it as timestamps."
            )


def _has_columns(there: Sequence[str], columns: Iterable[str], where: str) -> None:
    for column in columns:
        if column not in there:
            raise UserError(
                f"The recipe's {where} names the column {column!r}, which is not in the table; "
                f"{nearest(column, there)}."
            )
