"""Public holidays: how far each day of some years is from the nearest one.

The dates come from the package ``holidays`` where a plan is fitted; a fitted plan carries them.
"""

import datetime as dt
from functools import cached_property
from typing import Any

import narwhals as nw
from pydantic import BaseModel, ConfigDict

from throughline.features.local_time import LOCAL
from throughline.features.lookup import Lookup
from throughline.features.native import Expressions
from throughline.features.op import Frame
from throughline.strict import nearest

DISTANCE = "__days_to_holiday"
YEARS_AFTER = 5

_DAY = "__day"
_DAY_OF_LOCAL = Expressions(
    [(nw.col(LOCAL).dt.year().cast(nw.Int64) * 1000 + nw.col(LOCAL).dt.ordinal_day()).alias(_DAY)]
)
_KNOWN = (1900, 2100)


class Holidays(BaseModel):
    """The public holidays of some years, and those of a year before and after them.

    Attributes:
        years: The first and the last year; none where no holiday is known.
        dates: The holidays, as ``2024-07-04``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    years: tuple[int, int] | None
    dates: tuple[str, ...]

    @classmethod
    def around(
        cls, country: str, subdivision: str | None, first: int | None, last: int | None
    ) -> "Holidays":
        """The holidays of the years from ``first`` on to ``YEARS_AFTER`` years after ``last``.

        Years before 1900 and after 2100 have none, nor have those that the package knows none of.
        """
        if first is None or last is None or last < _KNOWN[0] or first > _KNOWN[1]:
            return cls(years=None, dates=())
        first, last = max(first, _KNOWN[0]), min(last + YEARS_AFTER, _KNOWN[1])
        found = sorted(_calendar(country, subdivision, range(first - 1, last + 2)))
        first = max(first, found[0].year) if found else last + 1
        years = (first, min(last, found[-1].year)) if first <= last else None
        return cls(years=years, dates=tuple(day.isoformat() for day in found))

    @cached_property
    def _distances(self) -> Lookup:
        """The distance of every day of the years, by year and day of the year."""
        days = _days(*self.years) if self.years and self.dates else []
        distances = _to_nearest(days, [dt.date.fromisoformat(date) for date in self.dates])
        keys = [day.year * 1000 + day.timetuple().tm_yday for day in days]
        return Lookup(keys={_DAY: list(keys)}, figures={DISTANCE: list(distances)})

    def join(self, frame: Frame) -> Frame:
        """Adds ``DISTANCE`` to the frame, by its local time; missing in other years."""
        return self._distances.join(_DAY_OF_LOCAL.added_to(frame)).drop(_DAY)


def check_country(country: str, subdivision: str | None) -> None:
    """Checks that the holidays of a country, and of a part of it, are known.

    Raises:
        ValueError: If they are not.
    """
    import holidays

    countries = holidays.list_supported_countries(include_aliases=True)
    if country not in countries:
        raise ValueError(f"no holidays are known of the country {country!r}; give a code as in US")
    parts = countries[country]
    if subdivision is not None and subdivision not in parts:
        hint = nearest(subdivision, parts) if parts else "it has no parts with their own"
        raise ValueError(f"no holidays are known of {subdivision!r} in {country}; {hint}")


def _calendar(country: str, subdivision: str | None, years: range) -> Any:
    import holidays

    return holidays.country_holidays(country, subdiv=subdivision, years=years)


def _days(first: int, last: int) -> list[dt.date]:
    start = dt.date(first, 1, 1)
    return [start + dt.timedelta(days=i) for i in range((dt.date(last + 1, 1, 1) - start).days)]


def _to_nearest(days: list[dt.date], holidays: list[dt.date]) -> list[float]:
    """For rising days, how many days the nearest of the rising holidays is away."""
    distances = []
    place = 0
    for day in days:
        while place + 1 < len(holidays) and _apart(day, holidays[place + 1]) <= _apart(
            day, holidays[place]
        ):
            place += 1
        distances.append(float(_apart(day, holidays[place])))
    return distances


def _apart(day: dt.date, other: dt.date) -> int:
    return abs((day - other).days)
