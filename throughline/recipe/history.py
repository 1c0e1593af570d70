"""What a recipe computes from earlier rows, and the moments that say which are earlier."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from throughline.strict import Strict

_DURATION = re.compile(r"(\d+)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: Any) -> Any:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return int(match[1]) * _SECONDS[match[2]]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is no duration; write a number and s, m, h or d, as in 3h")


Duration = Annotated[
    int,
    BeforeValidator(_duration),
    Field(ge=0),
    WithJsonSchema(
        {"type": ["string", "integer"], "pattern": _DURATION.pattern, "description": "As in 3h."}
    ),
]
"""Seconds, written as a number and a unit."""


class Moment(Strict):
    """A moment made from a time column and a number of minutes."""

    start: str = Field(alias="from")
    plus_minutes: str | float = 0


class Rolling(Strict):
    """Figures of earlier rows, known a while before the row's own moment.

    A row at ``at`` sees the rows whose ``time`` is in ``[at - lag - within, at - lag)`` and whose
    own ``at`` is before ``at - lag`` too.
    """

    of: str
    by: tuple[str, ...] = Field(min_length=1)
    time: str = Field(description="When a row's value of the column is known.")
    at: str = Field(description="The row's own moment, from which the lag counts back.")
    within: Annotated[Duration, Field(gt=0)]
    lag: Duration = 0
    functions: tuple[Literal["mean", "count", "min", "max", "std"], ...] = Field(min_length=1)

    def output(self, function: str) -> str:
        """The name of the column for one function."""
        return f"{self.of}_{function}_{_short(self.within)}_by_{'_'.join(self.by)}"


class Count(Strict):
    """How many rows share these columns; only for what is known ahead, such as a schedule."""

    by: tuple[str, ...] = Field(min_length=1)

    @property
    def output(self) -> str:
        """The name of the new column."""
        return f"count_by_{'_'.join(self.by)}"


class History(Strict):
    """One history feature; exactly one of its kinds."""

    rolling: Rolling | None = None
    count: Count | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "History":
        if (self.rolling is None) == (self.count is None):
            raise ValueError("a history feature is either 'rolling' or 'count'")
        return self

    @property
    def count_by(self) -> tuple[str, ...]:
        """The columns of a count."""
        return self.count.by if self.count else ()

    @property
    def outputs(self) -> list[str]:
        """The names of the new columns."""
        if self.rolling:
            return [self.rolling.output(function) for function in self.rolling.functions]
        return [self.count.output] if self.count else []


def _short(seconds: int) -> str:
    for unit in ("d", "h", "m"):
        if seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{unit}"
    return f"{seconds}s"
