import datetime as dt

import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.date_parts import DateParts

PARTS = (
    "year",
    "quarter",
    "month",
    "day",
    "day_of_year",
    "day_of_week",
    "hour",
    "minute",
    "is_weekend",
)


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)


def expected(moment: dt.datetime | None) -> list[float | None]:
    if moment is None:
        return [None] * len(PARTS)
    day = moment.isoweekday()
    quarter = (moment.month + 2) // 3
    whole = [moment.year, quarter, moment.month, moment.day, moment.timetuple().tm_yday, day]
    return [float(part) for part in (*whole, moment.hour, moment.minute, day >= 6)]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_parts_in_the_zone(both, zone):
    from zoneinfo import ZoneInfo

    moments = [
        utc(2013, 1, 1, 4, 59),
        utc(2013, 3, 10, 6, 59),
        utc(2013, 3, 10, 7, 0),
        utc(2013, 11, 3, 5, 30),
        utc(2013, 11, 3, 6, 30),
        utc(2012, 12, 31, 23, 59),
        utc(1969, 7, 20, 20, 17),
        None,
        *[utc(2024, 2, 26 + day, 12) for day in range(4)],
        *[utc(2024, 3, 1 + day, 12) for day in range(3)],
    ]
    fitted = both.fit(DateParts(column="t", parts=PARTS, time_zone=zone), {"t": moments})
    found = both.apply(fitted, {"t": moments})
    wanted = [expected(m.astimezone(ZoneInfo(zone)) if m else None) for m in moments]
    for i, part in enumerate(PARTS):
        assert found[f"t_{part}"] == [row[i] for row in wanted], part


def test_adds_only_the_parts_asked_for(both):
    fitted = both.fit(DateParts(column="t", parts=("hour",)), {"t": [utc(2020, 1, 1)]})
    assert set(both.apply(fitted, {"t": [utc(2020, 1, 1)]})) == {"t_hour"}


def test_refuses_text_a_zone_that_is_none_and_what_is_not_there():
    op = DateParts(column="t", parts=("hour",))
    with pytest.raises(UserError, match="date_parts cannot read the column 't'.*it reads time"):
        op.check({"t": "text"})
    with pytest.raises(UserError, match="not in the table"):
        op.check({})
    with pytest.raises(ValidationError, match="unknown time zone 'New York'"):
        DateParts(column="t", parts=("hour",), time_zone="New York")
