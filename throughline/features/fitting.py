"""Fitting a plan: each op learns from the training rows that the ops before it left."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from throughline.errors import UserError
from throughline.features.checking import check_ops
from throughline.features.layout import Feature, Layout
from throughline.features.op import FittedOp, Kind, Learnt, Op, Schema, quoted
from throughline.features.origins import origins_of
from throughline.features.out_of_fold import FOLD, with_folds
from throughline.features.plan import Input, Plan
from throughline.features.schema import input_types, kinds_of
from throughline.features.selection import FeatureSelection
from throughline.features.tally import count_values

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

logger = logging.getLogger(__name__)


def fit_plan(
    ops: Sequence[Op],
    training: "DataFrame",
    selection: FeatureSelection,
    every_row: "DataFrame | None" = None,
) -> Plan:
    """Fits a plan on the training rows.

    Args:
        ops: The recipe's ops, in order; those that change rows are left out.
        training: The raw training rows without those that such ops leave out, on Spark.
        selection: The label, its classes, the features asked for and the columns that are none.
        every_row: The raw rows of all parts; an input that one of them misses is optional.

    Raises:
        UserError: If an op cannot work on the columns there are, or a feature does not come out.
    """
    ops = [op for op in ops if not op.changes_rows]
    kinds = kinds_of(training.drop(FOLD))
    after = check_ops(ops, kinds, selection.label)
    names = selection.features_among(after)
    classes = len(selection.classes) if selection.classes else None
    fitted = fit_ops(ops, training, selection.label, classes)
    kept, needed = _contributing(ops, fitted, names, kinds)
    types = input_types(training)
    missed = _with_missing([name for name in types if name in needed], every_row or training)
    inputs = [Input(name=n, type=types[n], optional=missing) for n, missing in missed.items()]
    categories = {name: found for op in fitted for name, found in op.categories().items()}
    features = [
        Feature(name=n, kind="category", cardinality=categories[n][0], view=categories[n][1])
        if after[n] == "category"
        else Feature(name=n, kind="numeric")
        for n in names
    ]
    layout = Layout(
        features=tuple(features),
        label=selection.label,
        task=selection.task,
        classes=selection.classes,
    )
    origins = {name: origin for name, origin in origins_of(ops, kinds).items() if name in names}
    return Plan(inputs=tuple(inputs), ops=tuple(kept), layout=layout, origins=origins)


def _with_missing(columns: Sequence[str], rows: "DataFrame") -> dict[str, bool]:
    """Whether each column misses a value, in one pass."""
    from pyspark.sql import functions as F

    def misses(column: str) -> "Column":
        return F.coalesce(F.bool_or(F.col(quoted(column)).isNull()), F.lit(True)).alias(column)

    row = rows.agg(*[misses(column) for column in columns]).first()
    return dict(zip(columns, row or (), strict=True))


def _contributing(
    ops: Sequence[Op], fitted: Sequence[FittedOp], features: Sequence[str], schema: dict[str, Kind]
) -> tuple[list[FittedOp], set[str]]:
    """The ops that lead to a feature, and the raw columns that they read."""
    steps = []
    for op, state in zip(ops, fitted, strict=True):
        steps.append((op, state, set(op.writes(schema))))
        schema = op.check(schema)
    needed = set(features)
    kept: list[FittedOp] = []
    for op, state, made in reversed(steps):
        if made & needed:
            needed = (needed - made) | set(op.applies_to())
            kept.append(state)
    return kept[::-1], needed


def fit_ops(
    ops: Sequence[Op],
    training: "DataFrame",
    label: str | None = None,
    classes: int | None = None,
) -> list[FittedOp]:
    """Fits ``ops`` in order on the training rows.

    Neighbouring ops that do not read what the others write learn in one pass over the rows.

    Args:
        ops: The ops; one that changes rows only by itself.
        training: The training rows.
        label: The label's column, where they have one.
        classes: How many classes it has; None where it is a number.
    """
    fitted: list[FittedOp] = []
    folded = any(op.needs_folds(label) for op in ops)
    frame = with_folds(training, label) if folded else training
    kinds = kinds_of(training)
    for batch in _passes(ops, kinds):
        found = _one_pass(batch, frame, label, kinds)
        learnt = [replace(each, classes=classes) for each in found]
        states = [op.fit(frame, told) for op, told in zip(batch, learnt, strict=True)]
        narwhals_frame = nw.from_native(frame)
        for state in states:
            logger.info("fitted %s", state.name)
            narwhals_frame = state.apply_in_training(narwhals_frame)
        for op in batch:
            kinds = op.check(kinds)
        frame = narwhals_frame.to_native()
        fitted += states
    return fitted


def fit_one(op: Op, table: Any, label: str | None = None) -> FittedOp:
    """Fits one op on a Spark, pandas or Polars frame, as in a notebook.

    Raises:
        UserError: If the op cannot work on the columns there are.
    """
    if not hasattr(table, "sparkSession"):
        from throughline.spark import session

        table = session().createDataFrame(table if hasattr(table, "iloc") else table.to_pandas())
    kinds = kinds_of(table)
    op.check(kinds)
    if label and kinds.get(label) not in ("number", "boolean"):
        raise UserError(f"The label {label!r} must be a column of numbers, such as 0 and 1.")
    return fit_ops([op], table, label)[0]


def _passes(ops: Sequence[Op], schema: dict[str, Kind]) -> list[list[Op]]:
    batches: list[list[Op]] = []
    written: set[str] = set()
    for op in ops:
        if not batches or written & set(op.reads()):
            batches.append([])
            written = set()
        batches[-1].append(op)
        written |= {*op.writes(schema), *op.removes()}
        schema = op.check(schema)
    return batches


def _one_pass(
    batch: Sequence[Op], frame: "DataFrame", label: str | None, kinds: Schema
) -> list[Learnt]:
    """What the ops of a batch learn together: one job for statistics, one for counts."""
    columns = [op.statistics() for op in batch]
    flat = [column for group in columns for column in group.values()]
    found = frame.agg(*[c.alias(f"s{i}") for i, c in enumerate(flat)]).first() if flat else ()
    row = iter(found or ())
    statistics = [{name: next(row) for name in group} for group in columns]
    limits: dict[str, int] = {}
    for op in batch:
        for name, limit in op.counted().items():
            limits[name] = max(limit, limits.get(name, 0))
    counts = count_values(frame, limits)
    return [
        Learnt(values, {name: counts[name] for name in op.counted()}, label, kinds)
        for op, values in zip(batch, statistics, strict=True)
    ]
