"""Fitting a plan: each op learns from the training rows that the ops before it left."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import narwhals as nw

from throughline.errors import UserError
from throughline.features.layout import Feature, Layout
from throughline.features.op import FittedOp, Kind, Op, quoted
from throughline.features.plan import Input, Plan
from throughline.features.schema import input_types, kinds_of
from throughline.features.selection import FeatureSelection

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
        ops: The recipe's ops, in order.
        training: The raw training rows, on Spark.
        selection: The label, its classes, the features asked for and the columns that are none.
        every_row: The raw rows of all parts; an input that one of them misses is optional.

    Raises:
        UserError: If an op cannot work on the columns there are, or a feature does not come out.
    """
    kinds = kinds_of(training)
    after = check_ops(ops, kinds, selection.label)
    names = selection.features_among(after)
    fitted = fit_ops(ops, training)
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
    return Plan(inputs=tuple(inputs), ops=tuple(kept), layout=layout)


def _with_missing(columns: Sequence[str], rows: "DataFrame") -> dict[str, bool]:
    """Whether each column misses a value, in one pass."""
    from pyspark.sql import functions as F

    def misses(column: str) -> "Column":
        return F.coalesce(F.bool_or(F.col(quoted(column)).isNull()), F.lit(True)).alias(column)

    row = rows.agg(*[misses(column) for column in columns]).first()
    return dict(zip(columns, row or (), strict=True))


def check_ops(ops: Sequence[Op], schema: dict[str, Kind], label: str) -> dict[str, Kind]:
    """Checks the ops in order against the columns; returns the columns after the last one.

    Raises:
        UserError: If an op reads a column that is not there at that point, or of a wrong kind, or
            touches the label.
    """
    for op in ops:
        touched = set(op.writes(schema)) if label not in op.reads() else {label}
        if label in touched and not op.changes_rows:
            raise UserError(
                f"The op {op.name} touches the label {label!r}; only drop_rows may read it."
            )
        schema = op.check(schema)
    return schema


def _contributing(
    ops: Sequence[Op], fitted: Sequence[FittedOp], features: Sequence[str], schema: dict[str, Kind]
) -> tuple[list[FittedOp], set[str]]:
    """The ops that lead to a feature or change rows, and the raw columns that the former read."""
    steps = []
    for op, state in zip(ops, fitted, strict=True):
        writes = op.writes(schema)
        schema = {**schema, **writes}
        steps.append((op, state, set(writes)))
    needed = set(features)
    kept: list[FittedOp] = []
    for op, state, made in reversed(steps):
        if made & needed:
            needed = (needed - made) | set(op.reads())
            kept.append(state)
        elif op.changes_rows:
            kept.append(state)
    return kept[::-1], needed


def fit_ops(ops: Sequence[Op], training: "DataFrame") -> list[FittedOp]:
    """Fits ``ops`` in order on the training rows.

    Neighbouring ops that do not read what the others write learn in one pass over the rows.
    """
    fitted: list[FittedOp] = []
    frame = training
    for batch in _passes(ops, kinds_of(training)):
        statistics = _one_pass(batch, frame)
        learnt = [op.fit(frame, values) for op, values in zip(batch, statistics, strict=True)]
        narwhals_frame = nw.from_native(frame)
        for op in learnt:
            logger.info("fitted %s", op.name)
            narwhals_frame = op.apply_in_training(narwhals_frame)
        frame = narwhals_frame.to_native()
        fitted += learnt
    return fitted


def _passes(ops: Sequence[Op], schema: dict[str, Kind]) -> list[list[Op]]:
    batches: list[list[Op]] = []
    written: set[str] = set()
    closed = True
    for op in ops:
        if closed or written & set(op.reads()):
            batches.append([])
            written = set()
        batches[-1].append(op)
        writes = op.writes(schema)
        written |= set(writes)
        schema = {**schema, **writes}
        closed = op.changes_rows
    return batches


def _one_pass(batch: Sequence[Op], frame: "DataFrame") -> list[dict[str, Any]]:
    columns = [op.statistics() for op in batch]
    flat = [column for group in columns for column in group.values()]
    if not flat:
        return [{} for _ in batch]
    row = iter(frame.agg(*[c.alias(f"s{i}") for i, c in enumerate(flat)]).first() or ())
    return [{name: next(row) for name in group} for group in columns]
