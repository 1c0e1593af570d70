"""Checking a list of ops: before Spark starts by their order, and then against the columns."""

from collections.abc import Sequence
from typing import Any

from throughline.errors import UserError
from throughline.features.op import Kind, Op, Schema
from throughline.features.registry import OPS


def check_ops(ops: Sequence[Op], schema: dict[str, Kind], label: str) -> dict[str, Kind]:
    """Checks the ops in order against the columns; returns the columns after the last one.

    Raises:
        UserError: If an op reads a column that is not there at that point, or of a wrong kind, or
            touches the label.
    """
    for op in (op for op in ops if op.changes_rows):
        op.check(schema)
    if label in schema:
        schema = {**schema, label: "number"}  # a class is learnt from as its index
    for op in (op for op in ops if not op.changes_rows):
        _leaves_the_label(op, schema, label)
        schema = op.check(schema)
    return schema


def check_name(column: str) -> None:
    """Refuses a name that Spark would take for a path into a column.

    Raises:
        ValueError: If the name of a new column has a dot or a backtick.
    """
    if "." in column or "`" in column:
        raise ValueError(f"the name {column!r} has a dot or a backtick; use an underscore")


def _leaves_the_label(op: Op, schema: Schema, label: str) -> None:
    changes = {*op.writes(schema), *op.removes()}
    reads = op.applies_to() if op.learns_from_label else op.reads()
    if label in changes or label in reads:
        raise UserError(
            f"The op {op.name} touches the label {label!r}, which no request carries; "
            f"only {' and '.join(sorted(_MAY_READ_THE_LABEL))} may read it."
        )


_MAY_READ_THE_LABEL = {name for name, op in OPS.items() if op.changes_rows or op.learns_from_label}


class _Known(dict[str, Kind]):
    """What the ops before made of columns; of any other column the kind is not known yet."""

    def __missing__(self, column: str) -> Any:
        return "unknown"


def check_order(ops: Sequence[Op]) -> None:
    """Checks what can be told without the table: no op reads what an earlier one took away.

    Raises:
        ValueError: If an op reads a column that was dropped, renamed or encoded before.
    """
    removed: dict[str, str] = {}
    known = _Known()
    for place, op in enumerate(ops, 1):
        where = f"op {place}, {op.name}, reads {{!r}}, which"
        for column in op.reads():
            if column in removed:
                raise ValueError(f"{where.format(column)} {removed[column]} took away")
            if known[column] not in {*op.accepts, "unknown"}:
                raise ValueError(f"{where.format(column)} is of kind {known[column]} by then")
        removed |= dict.fromkeys(op.removes(), f"op {place}, {op.name},")
        for column, kind in op.writes(known).items():
            check_name(column)
            removed.pop(column, None)
            known[column] = kind
