"""``date_parts``: the calendar parts of a moment, in a named time zone."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, available_timezones

import narwhals as nw
from pydantic import Field, field_validator

from throughline.features.op import FittedOp, Frame, Kind, Op, Schema, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Part = Literal[
    "year", "quarter", "month", "day", "day_of_year", "day_of_week", "hour", "minute", "is_weekend"
]

_LOCAL = "__local_time"


def _day_of_week(moment: nw.Expr) -> nw.Expr:
    """Monday is 1, Sunday is 7; Narwhals gives 0 for Sunday on Spark and 7 on Polars."""
    day = moment.dt.weekday()
    return nw.when(day == 0).then(nw.lit(7)).otherwise(day)


_PARTS: dict[str, Callable[[nw.Expr], nw.Expr]] = {
    "year": lambda moment: moment.dt.year(),
    "quarter": lambda moment: ((moment.dt.month() + 2) / 3).floor(),
    "month": lambda moment: moment.dt.month(),
    "day": lambda moment: moment.dt.day(),
    "day_of_year": lambda moment: moment.dt.ordinal_day(),
    "day_of_week": _day_of_week,
    "hour": lambda moment: moment.dt.hour(),
    "minute": lambda moment: moment.dt.minute(),
    "is_weekend": lambda moment: _day_of_week(moment) >= 6,
}


class FittedDateParts(FittedOp):
    """The parts of one column, in one time zone."""

    name: ClassVar[str] = "date_parts"
    column: str
    parts: tuple[Part, ...]
    time_zone: str

    def expressions(self) -> list[nw.Expr]:
        """Each part as a number; they read the local time that :meth:`apply` adds."""
        moment = nw.col(_LOCAL)
        return [
            _PARTS[part](moment).cast(nw.Float64).alias(f"{self.column}_{part}")
            for part in self.parts
        ]

    def apply(self, frame: Frame) -> Frame:
        """Adds the parts."""
        local = _with_local_time(frame, self.column, self.time_zone)
        return super().apply(local).drop(_LOCAL)


class DateParts(Op):
    """Adds ``<column>_<part>`` for each part of a moment, read in ``time_zone``."""

    name: ClassVar[str] = "date_parts"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"time"})

    column: str
    parts: tuple[Part, ...] = Field(min_length=1)
    time_zone: str = Field(default="UTC", description="A name such as America/New_York.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"unknown time zone {name!r}; give a name such as Europe/Paris")
        return name

    def reads(self) -> list[str]:
        """The moment."""
        return [self.column]

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """One column per part."""
        return {f"{self.column}_{part}": "number" for part in self.parts}

    def fit(self, training: "DataFrame", statistics: Mapping[str, Any]) -> FittedDateParts:
        """There is nothing to learn."""
        return FittedDateParts(column=self.column, parts=self.parts, time_zone=self.time_zone)


def _with_local_time(frame: Frame, column: str, time_zone: str) -> Frame:
    """Adds the wall-clock time of ``column`` in ``time_zone``.

    One kernel per engine: Narwhals cannot leave the session's time zone on Spark. A moment without
    a zone is read as UTC, as everywhere in the project (the Spark session's zone is UTC).
    """
    native = frame.to_native()
    if frame.implementation.is_pyspark():
        from pyspark.sql import functions as F

        local = F.from_utc_timestamp(F.col(quoted(column)), time_zone)
        return nw.from_native(native.withColumn(_LOCAL, local))
    moment = nw.col(column).dt.replace_time_zone(None).dt.replace_time_zone("UTC")
    zone = ZoneInfo(time_zone).key
    return frame.with_columns(moment.dt.convert_time_zone(zone).alias(_LOCAL))
