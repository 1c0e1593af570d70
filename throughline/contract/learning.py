"""Learning a contract from the training rows, on Spark: figures, and counts of categories."""

import datetime as dt
from collections.abc import Mapping, Sequence
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
from throughline.features.schema import InputType
from throughline.features.tally import count_values

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST_ROWS = 10_000


def figures_of(types: Mapping[str, InputType]) -> "list[Column]":
    """What a contract wants to know of columns, as aggregates over rows: ``rows`` and others."""
    from pyspark.sql import functions as F

    of_columns = [
        f for i, (name, kind) in enumerate(types.items()) for f in _figures(i, name, kind)
    ]
    return [F.count(F.lit(1)).alias("rows"), *of_columns]


def missed_in(figures: Mapping[str, Any], types: Mapping[str, InputType]) -> set[str]:
    """The columns that some row misses, by the values of :func:`figures_of`."""
    return {name for i, name in enumerate(types) if figures[f"known{i}"] < figures["rows"]}


def learn_contract(
    training: "DataFrame",
    inputs: Sequence[Input],
    on_violation: OnViolation = "warn",
    tolerance: float = 0.01,
    figures: Mapping[str, Any] | None = None,
) -> Contract:
    """Learns what the training rows are like.

    Args:
        training: The raw training rows.
        inputs: The columns that a request carries.
        on_violation: What is to be done about rows that are not like them.
        tolerance: The share of a table's rows that may have bad values, per column.
        figures: The values of :func:`figures_of` the inputs, if they are known already.
    """
    row = figures or _figures_of_rows(training, inputs)
    counts = count_values(training, _few_values(training, inputs))
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


def finite(name: str, kind: InputType) -> "Column":
    """A column's values; what is no finite number is missing, as it is in a request."""
    from pyspark.sql import functions as F

    values = F.col(quoted(name))
    return F.when(F.abs(values) < float("inf"), values) if kind == "double" else values


def moment(microseconds: int) -> dt.datetime:
    """What Spark's ``unix_micros`` says, as a moment in UTC."""
    return EPOCH + dt.timedelta(microseconds=microseconds)


def _figures_of_rows(rows: "DataFrame", inputs: Sequence[Input]) -> dict[str, Any]:
    found = rows.agg(*figures_of({column.name: column.type for column in inputs})).first()
    return found.asDict() if found else {}


def _figures(place: int, name: str, kind: InputType) -> "list[Column]":
    from pyspark.sql import functions as F

    values = finite(name, kind)
    figures = {"known": F.count(values)}
    if kind in ("double", "long"):
        figures |= {"low": F.min(values).cast("double"), "high": F.max(values).cast("double")}
    elif kind == "timestamp":
        figures |= {"low": F.unix_micros(F.min(values)), "high": F.unix_micros(F.max(values))}
    return [figure.alias(f"{name}{place}") for name, figure in figures.items()]


def _few_values(training: "DataFrame", inputs: Sequence[Input]) -> dict[str, int]:
    """The text columns worth counting: counting millions of texts would be for nothing.

    A column with too many values among the first rows has too many in all.
    """
    from pyspark.sql import functions as F

    texts = [column.name for column in inputs if column.type == "string"]
    if not texts:
        return {}
    first = training.select(*map(quoted, texts)).limit(_FIRST_ROWS)
    found = first.agg(*[F.approx_count_distinct(quoted(name)) for name in texts]).first() or ()
    return {
        name: MOST_CATEGORIES + 1
        for name, count in zip(texts, found, strict=True)
        if count <= 1.5 * MOST_CATEGORIES  # it is a few percent off
    }


def _missing(rows: int, known: int) -> float:
    return (rows - known) / rows if rows else 0.0


def _limit(column: Input, value: Any) -> Limit | None:
    if value is None:
        return None
    return moment(value) if column.type == "timestamp" else float(value)
