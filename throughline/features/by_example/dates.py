"""Dates as text: a few directives of ``strftime``, in English, computed from their parts.

The engines' own formats differ, and follow the locale; these mean the same everywhere.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_DIRECTIVE = re.compile(r"%-?[A-Za-z]")

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _numbered(names: list[str]) -> dict[str, str]:
    return {f"{number:02}": name for number, name in enumerate(names, start=1)}


def _unpadded(first: int, last: int) -> dict[str, str]:
    return {f"{number:02}": str(number) for number in range(first, last + 1)}


def _short(names: list[str]) -> list[str]:
    return [name[:3] for name in names]


class Reading(NamedTuple):
    """How a directive is read.

    Attributes:
        part: The part of the moment that it gives.
        strict: A regular expression for it, where it touches its neighbours.
        lenient: The same where it does not: a leading zero may be missing.
        names: The two digits of each name, where it is written as a name.
    """

    part: str
    strict: str
    lenient: str
    names: Mapping[str, str] | None = None


class Writing(NamedTuple):
    """How a directive is written: a part of the moment, looked up in a table if there is one."""

    part: str
    table: Mapping[str, str] | None
    words: str


def _named(names: list[str]) -> Reading:
    one_of = "|".join(names)
    return Reading("month", one_of, one_of, {name: n for n, name in _numbered(names).items()})


READ: dict[str, Reading] = {
    "%Y": Reading("year", "[1-9][0-9]{3}", "[1-9][0-9]{3}"),
    "%m": Reading("month", "0[1-9]|1[0-2]", "1[0-2]|0?[1-9]"),
    "%d": Reading("day", "0[1-9]|[12][0-9]|3[01]", "[12][0-9]|3[01]|0?[1-9]"),
    "%H": Reading("hour", "[01][0-9]|2[0-3]", "1[0-9]|2[0-3]|0?[0-9]"),
    "%M": Reading("minute", "[0-5][0-9]", "[0-5][0-9]"),
    "%S": Reading("second", "[0-5][0-9]", "[0-5][0-9]"),
    "%b": _named(_short(_MONTHS)),
    "%B": _named(_MONTHS),
}

_QUARTERS = [str((month + 2) // 3) for month in range(1, 13)]

WRITE: dict[str, Writing] = {
    "%Y": Writing("year", None, "year"),
    "%y": Writing("short_year", None, "two digits of the year"),
    "%m": Writing("month", None, "month"),
    "%-m": Writing("month", _unpadded(1, 12), "month without zero"),
    "%b": Writing("month", _numbered(_short(_MONTHS)), "short name of the month"),
    "%B": Writing("month", _numbered(_MONTHS), "name of the month"),
    "%q": Writing("month", _numbered(_QUARTERS), "quarter"),
    "%d": Writing("day", None, "day"),
    "%-d": Writing("day", _unpadded(1, 31), "day without zero"),
    "%a": Writing("weekday", _numbered(_short(_DAYS)), "short name of the weekday"),
    "%A": Writing("weekday", _numbered(_DAYS), "name of the weekday"),
    "%H": Writing("hour", None, "hour"),
    "%-H": Writing("hour", _unpadded(0, 23), "hour without zero"),
    "%M": Writing("minute", None, "minute"),
    "%S": Writing("second", None, "second"),
}

_DAY_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_TIME_FORMATS = ("", " %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "T%H:%M:%SZ")

FORMATS = tuple(day + time for day in _DAY_FORMATS for time in _TIME_FORMATS)
"""The formats that the search tries to read."""


def tokens(format: str) -> list[str]:
    """A format as its directives and the texts between them."""
    return [token for token in re.split(f"({_DIRECTIVE.pattern})", format) if token]


def directives(format: str) -> list[str]:
    """The directives of a format, in order."""
    return _DIRECTIVE.findall(format)


def check_formats(read: str, write: str) -> None:
    """Checks that a date can be read and written so.

    Raises:
        ValueError: If a directive is not known, or a part is read twice, or written but not read.
    """
    if unknown := [d for d in directives(read) if d not in READ]:
        raise ValueError(f"{unknown[0]} cannot be read; known are {', '.join(READ)}")
    if unknown := [d for d in directives(write) if d not in WRITE]:
        raise ValueError(f"{unknown[0]} cannot be written; known are {', '.join(WRITE)}")
    parts = [READ[directive].part for directive in directives(read)]
    if len(parts) != len(set(parts)) or not {"year", "month", "day"} <= set(parts):
        raise ValueError(f"{read!r} has to give the year, the month and the day, each once")
    given = {*parts, "weekday", "short_year"}
    if missing := [d for d in directives(write) if WRITE[d].part not in given]:
        raise ValueError(f"{missing[0]} cannot be written: {read!r} does not give it")
