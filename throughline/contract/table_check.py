"""Whether a table keeps a contract, on Spark: one aggregate over its rows."""

import datetime as dt
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from throughline.contract.contract import (
    MISSING_MARGIN,
    ColumnContract,
    Contract,
    Violation,
    clauses,
)
from throughline.contract.learning import EPOCH, finite, moment
from throughline.errors import UserError
from throughline.features.schema import kinds_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


logger = logging.getLogger(__name__)


def violations_of(contract: Contract, table: "DataFrame", otherwise: str) -> list[Violation]:
    """What of a table does not keep a contract, logged; nothing if the contract is to be ignored.

    Args:
        contract: The contract.
        table: Raw rows, on Spark.
        otherwise: What to do instead of mending the rows, for the message.

    Raises:
        UserError: If there is something, and the contract is to refuse it.
    """
    found = [] if contract.on_violation == "ignore" else check_table(contract, table)
    for violation in found:
        logger.warning("data contract: %s", violation.text)
    if found and contract.on_violation == "refuse":
        raise UserError(
            f"The rows do not keep the data contract: {clauses(found)}; mend them, or {otherwise}."
        )
    return found


def check_table(contract: Contract, table: "DataFrame") -> list[Violation]:
    """The columns of a table that do not keep a contract.

    A column does not if it is required and absent, if it is of another kind, if the share of rows
    with bad values is above the contract's tolerance, or if the share of missing ones is above the
    learnt one by more than :data:`~throughline.contract.contract.MISSING_MARGIN`.

    Args:
        contract: The contract.
        table: Raw rows, on Spark.
    """
    readable, violations = check_columns(contract, table)
    if not readable:
        return violations
    from pyspark.sql import functions as F

    figures = [f for i, column in enumerate(readable) for f in _figures(i, column)]
    found = table.agg(F.count(F.lit(1)).alias("rows"), *figures).first()
    row: dict[str, Any] = found.asDict() if found else {}
    rows = row["rows"]
    for i, column in enumerate(readable):
        bad, missing = row.get(f"bad{i}", 0), row[f"missing{i}"]
        if bad > contract.tolerance * rows:
            example = row[f"example{i}"]
            shown = moment(example) if column.type == "timestamp" else example
            violations.append(column.with_bad_values(bad, rows, shown))
        if rows and missing / rows > column.missing + MISSING_MARGIN:
            violations.append(column.with_missing(missing / rows))
    return violations


def check_columns(
    contract: Contract, table: "DataFrame"
) -> tuple[Sequence[ColumnContract], list[Violation]]:
    """The contract's columns that the table holds as they were learnt, and what is wrong else."""
    kinds = kinds_of(table)
    others = dict(table.dtypes)
    readable, violations = [], []
    for column in contract.columns:
        if kinds.get(column.name) == column.kind:
            readable.append(column)
        elif column.name in others:
            violations.append(column.of_kind(kinds.get(column.name) or others[column.name]))
        elif not column.optional or column.missing + MISSING_MARGIN < 1:
            violations.append(column.absent())
    return readable, violations


def _figures(place: int, column: ColumnContract) -> "list[Column]":
    from pyspark.sql import functions as F

    values = finite(column.name, column.type)
    figures = {"missing": F.count_if(values.isNull())}
    if (bad := _bad(column, values)) is not None:
        shown = F.unix_micros(values) if column.type == "timestamp" else values
        figures |= {
            "bad": F.count_if(bad),
            "example": F.first(F.when(bad, shown), ignorenulls=True),
        }
    return [figure.alias(f"{name}{place}") for name, figure in figures.items()]


def _bad(column: ColumnContract, values: "Column") -> "Column | None":
    from pyspark.sql import functions as F

    low, high = column.limits
    if column.categories is not None:
        return ~values.isin(list(column.categories))
    if isinstance(low, dt.datetime):
        first = F.timestamp_micros(F.lit((low - EPOCH) // dt.timedelta(microseconds=1)))
        return values < first
    return None if low is None or high is None else (values < low) | (values > high)
