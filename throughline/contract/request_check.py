"""Whether the rows of a request keep a contract, on Polars; what is done if they do not."""

import logging
import time
from collections.abc import Callable, Sequence

import polars as pl

from throughline.contract.contract import ColumnContract, Contract, Violation

logger = logging.getLogger(__name__)

SECONDS_BETWEEN = 60.0
FEW = 1000


def check_request(contract: Contract, rows: pl.DataFrame) -> list[Violation]:
    """The columns of a request of which any value is bad; missing values are none.

    The range of a column is compared by itself, not in one Polars query over all columns: for one
    row that is a fifth of the time.

    Args:
        contract: The contract.
        rows: The rows, typed as the plan's inputs.
    """
    found = [_check(column, rows[column.name]) for column in contract.columns]
    return [violation for violation in found if violation]


def _check(column: ColumnContract, values: pl.Series) -> Violation | None:
    if column.categories is not None:
        distinct = values.to_list() if len(values) < FEW else values.unique().to_list()
        if all(value is None or value in column.known for value in distinct):
            return None
        bad = ~values.is_in(list(column.known))
    else:
        low, high = column.limits
        least, greatest = (None, None) if low is None else (values.min(), values.max())
        below = least is not None and least < low  # type: ignore[operator]
        above = greatest is not None and high is not None and greatest > high  # type: ignore[operator]
        if not below and not above:
            return None
        bad = (values < low) if high is None else (values < low) | (values > high)
    wrong = values.filter(bad)
    return column.with_bad_values(len(wrong), len(values), wrong[0])


class Warnings:
    """Logs what does not keep a contract, each column at most once in a while.

    Args:
        clock: Seconds that only go up.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.last: dict[str, float] = {}

    def log(self, violations: Sequence[Violation]) -> None:
        """Logs the columns that were not logged within the last minute."""
        now = self.clock()
        for violation in violations:
            if now - self.last.get(violation.column, -SECONDS_BETWEEN) >= SECONDS_BETWEEN:
                self.last[violation.column] = now
                logger.warning("data contract: %s", violation.text)
