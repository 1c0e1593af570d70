"""The data contract: what a request's columns were like in the training rows."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

from throughline.features.schema import KIND_OF_TYPE, InputType

OnViolation = Literal["warn", "refuse", "ignore"]
Limit = float | dt.datetime

SPAN_MARGIN = 0.1
"""Numbers may lie outside the learnt range by this share of its span, on each side."""

MISSING_MARGIN = 0.1
"""A table may miss this much more of a column than the training rows did, as a share of rows."""

MOST_CATEGORIES = 100
"""A text column with more distinct values has no list of categories: any text may stand in it."""


@dataclass(frozen=True)
class Violation:
    """A column that does not keep the contract, and a clause that says how."""

    column: str
    text: str


class ColumnContract(BaseModel):
    """What a column was like in the training rows.

    Attributes:
        name: The column's name.
        type: The type that a request carries.
        optional: Whether it may be absent.
        missing: The share of the training rows that miss it.
        low: The least number, or the first moment; None if there was none, or for other types.
        high: The greatest number, or the last moment.
        categories: The values of a text column with few of them; None if any text may stand there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: InputType
    optional: bool
    missing: float
    low: Limit | None = None
    high: Limit | None = None
    categories: tuple[str, ...] | None = None

    @cached_property
    def limits(self) -> tuple[Limit | None, Limit | None]:
        """The least and the greatest value that keep the contract; None is no limit.

        Numbers have a margin of :data:`SPAN_MARGIN`. Moments have no upper limit, as time goes on.
        """
        if isinstance(self.low, float) and isinstance(self.high, float):
            margin = SPAN_MARGIN * (self.high - self.low)
            return self.low - margin, self.high + margin
        return self.low, None

    @cached_property
    def known(self) -> frozenset[str]:
        """The categories, for looking up."""
        return frozenset(self.categories or ())

    @property
    def kind(self) -> str:
        """Number, text, time or boolean."""
        return KIND_OF_TYPE[self.type]

    def with_bad_values(self, bad: int, rows: int, example: object) -> Violation:
        """The violation of a column with values that do not keep the contract."""
        low, high = self.limits
        if self.categories is not None:
            what = f"with none of the {len(self.categories)} values learnt"
        elif isinstance(low, dt.datetime):
            what = f"before {_shown(low)}"
        else:
            what = f"outside {_shown(low)} to {_shown(high)}"
        counted = f"{bad:,} of {rows:,} rows" if rows > 1 else "a row"
        text = f"the column {self.name!r} has {counted} {what} (for example {_shown(example)})"
        return Violation(self.name, text)

    def with_missing(self, share: float) -> Violation:
        """The violation of a column that misses too many values."""
        text = f"the column {self.name!r} misses {share:.1%} of its values, learnt with"
        return Violation(self.name, f"{text} {self.missing:.1%} missing")

    def absent(self) -> Violation:
        """The violation of a column that is not there."""
        return Violation(self.name, f"the column {self.name!r} is not there")

    def of_kind(self, kind: str) -> Violation:
        """The violation of a column that holds something else."""
        text = f"the column {self.name!r} is of kind {kind}, learnt as {self.kind}"
        return Violation(self.name, text)


class Contract(BaseModel):
    """What the raw columns that a plan reads were like in the training rows.

    Attributes:
        format: The version of this file's format.
        rows: How many training rows it was learnt on.
        on_violation: What to do about rows that do not keep it.
        tolerance: The share of a table's rows that may have bad values, per column.
        columns: The columns that a request carries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    rows: int
    on_violation: OnViolation = "warn"
    tolerance: float = 0.01
    columns: tuple[ColumnContract, ...]

    def ruled(self, on_violation: OnViolation, tolerance: float) -> "Contract":
        """The same contract under another rule."""
        return self.model_copy(update={"on_violation": on_violation, "tolerance": tolerance})

    def verdict(self, violations: Sequence[Violation]) -> str:
        """What became of checking a table, in words."""
        return "ignored" if self.on_violation == "ignore" else clauses(violations) or "kept"

    def to_json(self) -> str:
        """The contract as readable JSON."""
        return json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Contract":
        """Reads what :meth:`to_json` wrote."""
        return cls.model_validate_json(text)


def clauses(violations: Sequence[Violation], most: int = 3) -> str:
    """The first violations, for a sentence."""
    shown = ", and ".join(violation.text for violation in violations[:most])
    more = len(violations) - most
    return f"{shown}, and {more} more" if more > 0 else shown


def _shown(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int | float):
        return f"{value:.6g}"
    text = str(value)
    return repr(text if len(text) <= 40 else text[:40] + "...")
