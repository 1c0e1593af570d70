"""The parts of a moment that a calendar and a clock show, as expressions for both engines."""

import math
from collections.abc import Callable
from typing import Literal, get_args

import narwhals as nw

from throughline.features.local_time import WEEK

CyclicPart = Literal[
    "quarter", "month", "week", "day", "day_of_year", "day_of_week", "hour", "minute"
]
CalendarPart = Literal[CyclicPart, "year", "is_weekend"]


def _day_of_week(moment: nw.Expr) -> nw.Expr:
    """Monday is 1, Sunday is 7; Narwhals gives 0 for Sunday on Spark and 7 on Polars."""
    day = moment.dt.weekday()
    return nw.when(day == 0).then(nw.lit(7)).otherwise(day)


PARTS: dict[str, Callable[[nw.Expr], nw.Expr]] = {
    "year": lambda moment: moment.dt.year(),
    "quarter": lambda moment: ((moment.dt.month() + 2) / 3).floor(),
    "month": lambda moment: moment.dt.month(),
    "week": lambda moment: nw.col(WEEK),
    "day": lambda moment: moment.dt.day(),
    "day_of_year": lambda moment: moment.dt.ordinal_day(),
    "day_of_week": _day_of_week,
    "hour": lambda moment: moment.dt.hour(),
    "minute": lambda moment: moment.dt.minute(),
    "is_weekend": lambda moment: _day_of_week(moment) >= 6,
}

_PERIODS: dict[CyclicPart, int] = dict(
    zip(get_args(CyclicPart), (4, 12, 53, 31, 366, 7, 24, 60), strict=True)
)


def circle(part: CyclicPart, moment: nw.Expr) -> tuple[nw.Expr, nw.Expr]:
    """Sine and cosine of a part's place on its circle, so that its last value is near its first.

    A circle has room for every value of the part: 31 days, 53 weeks, 366 days of the year.
    """
    angle = PARTS[part](moment).cast(nw.Float64) * (2 * math.pi / _PERIODS[part])
    return angle.sin(), angle.cos()
