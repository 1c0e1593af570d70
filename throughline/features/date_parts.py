"""``date_parts``: the calendar parts of a moment, in a named time zone."""

from typing import TYPE_CHECKING, ClassVar, Literal
from zoneinfo import available_timezones

import narwhals as nw
from pydantic import Field, field_validator, model_validator

from throughline.features.calendar_parts import PARTS, CalendarPart, CyclicPart, circle
from throughline.features.holidays import DISTANCE, Holidays, check_country
from throughline.features.local_time import LOCAL, WEEK, with_local_time, with_week
from throughline.features.op import FittedOp, Frame, Kind, Learnt, Op, Schema, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

HolidayPart = Literal["is_holiday", "days_to_holiday"]

_OF_HOLIDAYS: dict[str, nw.Expr] = {
    "is_holiday": nw.col(DISTANCE) == 0,
    "days_to_holiday": nw.col(DISTANCE),
}


class FittedDateParts(FittedOp):
    """The parts of one column, in one time zone, and the holidays where a part needs them."""

    name: ClassVar[str] = "date_parts"
    column: str
    parts: tuple[CalendarPart | HolidayPart, ...]
    cyclic: tuple[CyclicPart, ...] = ()
    time_zone: str
    holidays: Holidays | None = None

    def expressions(self) -> list[nw.Expr]:
        """Each part as a number; they read what :meth:`apply` adds."""
        moment = nw.col(LOCAL)
        made: dict[str, nw.Expr] = {
            part: _OF_HOLIDAYS[part] if part in _OF_HOLIDAYS else PARTS[part](moment)
            for part in self.parts
        }
        for part in self.cyclic:
            made[f"{part}_sin"], made[f"{part}_cos"] = circle(part, moment)
        return [
            value.cast(nw.Float64).alias(f"{self.column}_{part}") for part, value in made.items()
        ]

    def apply(self, frame: Frame) -> Frame:
        """Adds the parts."""
        local = with_local_time(frame, self.column, self.time_zone)
        if self.holidays:
            local = self.holidays.join(local)
        if "week" in (*self.parts, *self.cyclic):
            local = with_week(local)
        return super().apply(local).drop(LOCAL, WEEK, DISTANCE, strict=False)

    def describe(self) -> dict[str, str]:
        """The parts and the zone, and the years whose holidays are known."""
        parts = ", ".join([*self.parts, *[f"{part} as a circle" for part in self.cyclic]])
        known = ""
        if self.holidays:
            years = self.holidays.years
            known = f"; holidays of {years[0]} to {years[1]}" if years else "; no holidays"
        return {self.column: f"{parts} in the time zone {self.time_zone}{known}"}


class DateParts(Op):
    """Adds ``<column>_<part>`` for each part of a moment, read in ``time_zone`` (UTC by default).

    ``week`` is that of ISO 8601, ``day_of_week`` is 1 on Monday and 7 on Sunday. ``is_holiday`` and
    ``days_to_holiday`` (the days to the nearest public holiday, before or after) are of the
    ``country``, and where it is given of its ``subdivision``; they are known for the years of the
    training rows and five more, and missing in other years.

    For each part in ``cyclic`` it adds ``<column>_<part>_sin`` and ``<column>_<part>_cos``, its
    place on a circle, so that 23 o'clock is near midnight.

    Source: the package ``holidays`` for the dates, which a fitted plan carries.
    """

    name: ClassVar[str] = "date_parts"
    accepts: ClassVar[frozenset[Kind]] = frozenset({"time"})

    column: str
    parts: tuple[CalendarPart | HolidayPart, ...] = ()
    cyclic: tuple[CyclicPart, ...] = Field(default=(), description="Parts as sine and cosine.")
    time_zone: str = Field(default="UTC", description="A name such as America/New_York.")
    country: str | None = Field(default=None, description="Whose holidays: a code such as US.")
    subdivision: str | None = Field(default=None, description="A part of it, such as NY.")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"unknown time zone {name!r}; give a name such as Europe/Paris")
        return name

    @model_validator(mode="after")
    def _complete(self) -> "DateParts":
        if not (self.parts or self.cyclic):
            raise ValueError("name at least one of 'parts' or 'cyclic'")
        if self._of_holidays and self.country is None:
            raise ValueError(f"{self._of_holidays[0]!r} wants a 'country', such as US")
        if self.country is None and self.subdivision is not None:
            raise ValueError("'subdivision' wants a 'country'")
        if self.country is not None:
            check_country(self.country, self.subdivision)
        return self

    @property
    def _of_holidays(self) -> list[str]:
        return [part for part in self.parts if part in _OF_HOLIDAYS]

    def reads(self) -> list[str]:
        """The moment."""
        return [self.column]

    def sources_of(self, written: str) -> list[str]:
        """The moment."""
        return [self.column]

    def writes(self, schema: Schema) -> dict[str, Kind]:
        """One column per part, two per part of a circle."""
        circles = [f"{part}_{of}" for part in self.cyclic for of in ("sin", "cos")]
        return {f"{self.column}_{part}": "number" for part in (*self.parts, *circles)}

    def statistics(self) -> "dict[str, Column]":
        """The first and the last year, where holidays are wanted."""
        from pyspark.sql import functions as F

        if not self._of_holidays:
            return {}
        year = F.year(F.from_utc_timestamp(F.col(quoted(self.column)), self.time_zone))
        return {"first": F.min(year), "last": F.max(year)}

    def fit(self, training: "DataFrame", learnt: Learnt) -> FittedDateParts:
        """Looks up the holidays of the training rows' years and some more; else nothing."""
        holidays = None
        if self.country and self._of_holidays:
            first, last = learnt.statistics["first"], learnt.statistics["last"]
            holidays = Holidays.around(self.country, self.subdivision, first, last)
        return FittedDateParts(
            column=self.column,
            parts=self.parts,
            cyclic=self.cyclic,
            time_zone=self.time_zone,
            holidays=holidays,
        )
