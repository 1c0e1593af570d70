"""Learning a contract from the training rows, on Spark: one job, and one that counts categories."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from throughline.contract.contract import (
    MOST_CATEGORIES,
    ColumnContract,
    Contract,
    Limit,
    OnViolation,
)
from throughline.features.op import quoted
from throughline.features.plan import Input
from throughline.features.tally import count_values

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def learn_contract(
    training: "DataFrame",
    inputs: Sequence[Input],
    on_violation: OnViolation = "warn",
    tolerance: float = 0.01,
) -> Contract:
    """Learns what the training rows are like.

    Args:
        training: The raw training rows.
        inputs: The columns that a request carries.
        on_violation: What is to be done about rows that are not like them.
        tolerance: The share of a table's rows that may have bad values, per column.
    """
    from pyspark.sql import functions as F

    figures = [f for i, column in enumerate(inputs) for f in _figures(i, column)]
    found = training.agg(F.count(F.lit(1)).alias("rows"), *figures).first()
    row: dict[str, Any] = found.asDict() if found else {}
    counts = count_values(training, _few_values(inputs, row))
    columns = []
    for i, column in enumerate(inputs):
        values = [str(value) for value, _ in counts.get(column.name, ())]
        columns.append(
            ColumnContract(
                name=column.name,
                type=column.type,
                optional=column.optional,
                missing=_missing(row["rows"], row[f"known{i}"]),
                low=_limit(column, row.get(f"low{i}")),
                high=_limit(column, row.get(f"high{i}")),
                categories=tuple(values) if 0 < len(values) <= MOST_CATEGORIES else None,
            )
        )
    return Contract(
        rows=row["rows"], on_violation=on_violation, tolerance=tolerance, columns=tuple(columns)
    )


def finite(column: Input | ColumnContract) -> "Column":
    """A column's values; what is no finite number is missing, as it is in a request."""
    from pyspark.sql import functions as F

    values = F.col(quoted(column.name))
    return F.when(F.abs(values) < float("inf"), values) if column.type == "double" else values


def moment(microseconds: int) -> dt.datetime:
    """What Spark's ``unix_micros`` says, as a moment in UTC."""
    return EPOCH + dt.timedelta(microseconds=microseconds)


def _figures(place: int, column: Input) -> "list[Column]":
    from pyspark.sql import functions as F

    values = finite(column)
    figures = {"known": F.count(values)}
    if column.type in ("double", "long"):
        figures |= {"low": F.min(values).cast("double"), "high": F.max(values).cast("double")}
    elif column.type == "timestamp":
        figures |= {"low": F.unix_micros(F.min(values)), "high": F.unix_micros(F.max(values))}
    elif column.type == "string":
        figures["distinct"] = F.approx_count_distinct(values)
    return [figure.alias(f"{name}{place}") for name, figure in figures.items()]


def _few_values(inputs: Sequence[Input], row: dict[str, Any]) -> dict[str, int]:
    """The text columns worth counting: counting millions of texts would be for nothing."""
    likely = 1.5 * MOST_CATEGORIES  # the approximate count is a few percent off
    return {
        column.name: MOST_CATEGORIES + 1
        for i, column in enumerate(inputs)
        if column.type == "string" and row[f"distinct{i}"] <= likely
    }


def _missing(rows: int, known: int) -> float:
    return (rows - known) / rows if rows else 0.0


def _limit(column: Input, value: Any) -> Limit | None:
    if value is None:
        return None
    return moment(value) if column.type == "timestamp" else float(value)
