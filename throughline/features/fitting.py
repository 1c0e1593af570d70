"""Fitting a plan: each op learns from the training rows that the ops before it left."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import narwhals as nw

from throughline.errors import UserError
from throughline.features.layout import Feature, Layout
from throughline.features.needs import needs_of
from throughline.features.op import FittedOp, Kind, Learnt, Op, Schema
from throughline.features.origins import origins_of
from throughline.features.out_of_fold import FOLD, with_folds
from throughline.features.plan import Input, Plan
from throughline.features.schema import kinds_of
from throughline.features.selection import FeatureSelection
from throughline.features.tally import count_values

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)


def fit_plan(
    ops: Sequence[Op],
    training: "DataFrame",
    selection: FeatureSelection,
    optional: Collection[str] = (),
) -> Plan:
    """Fits a plan on the training rows.

    Args:
        ops: The recipe's ops, in order; those that change rows are left out.
        training: The raw training rows without those that such ops leave out, on Spark.
        selection: The label, its classes, the features asked for and the columns that are none.
        optional: The raw columns that a request need not carry, as some row misses them.

    Raises:
        UserError: If an op cannot work on the columns there are, or a feature does not come out.
    """
    ops = [op for op in ops if not op.changes_rows]
    needs = needs_of(ops, training, selection)
    classes = len(selection.classes) if selection.classes else None
    fitted = fit_ops(ops, training, selection.label, classes)
    categories = {name: found for op in fitted for name, found in op.categories().items()}
    features = [
        Feature(name=n, kind="category", cardinality=categories[n][0], view=categories[n][1])
        if needs.kinds[n] == "category"
        else Feature(name=n, kind="numeric")
        for n in needs.features
    ]
    layout = Layout(
        features=tuple(features),
        label=selection.label,
        task=selection.task,
        classes=selection.classes,
    )
    origins = origins_of(ops, kinds_of(training.drop(FOLD)))
    return Plan(
        inputs=tuple(
            Input(name=name, type=kind, optional=name in optional)
            for name, kind in needs.inputs.items()
        ),
        ops=tuple(fitted[place] for place in needs.ops),
        layout=layout,
        origins={name: origin for name, origin in origins.items() if name in needs.features},
    )


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
    states: list[FittedOp] = []
    folded = any(op.needs_folds(label) for op in ops)
    frame = with_folds(training, label) if folded else training
    kinds = kinds_of(training)
    for batch in _passes(ops, kinds):
        frame = _applied(states, frame)
        found = _one_pass(batch, frame, label, kinds)
        learnt = [replace(each, classes=classes) for each in found]
        states = [op.fit(frame, told) for op, told in zip(batch, learnt, strict=True)]
        for op in batch:
            logger.info("fitted %s", op.name)
            kinds = op.check(kinds)
        fitted += states
    return fitted


def _applied(states: Sequence[FittedOp], rows: "DataFrame") -> "DataFrame":
    frame = nw.from_native(rows)
    for state in states:
        frame = state.apply_in_training(frame)
    found: DataFrame = frame.to_native()
    return found


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
