import datetime as dt
import math

import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.date_parts import DateParts, FittedDateParts
from throughline.features.holidays import Holidays

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


def test_the_week_is_that_of_iso_8601(both):
    moments = [
        utc(year, month, day, 12)
        for year in (*range(1968, 2032), 2100, 2400)
        for month, day in ((1, 1), (1, 3), (1, 4), (6, 30), (12, 28), (12, 29), (12, 31))
    ]
    fitted = both.fit(DateParts(column="t", parts=("week",)), {"t": moments[:1]})
    found = both.apply(fitted, {"t": moments})
    assert found["t_week"] == [float(moment.isocalendar().week) for moment in moments]


def test_a_circle_brings_the_last_value_near_the_first(both):
    op = DateParts(column="t", cyclic=("hour", "month"))
    moments = [utc(2024, 1, 1, 0), utc(2024, 12, 1, 23), utc(2024, 6, 1, 6), None]
    found = both.apply(both.fit(op, {"t": moments}), {"t": moments})
    assert (
        set(found)
        == set(op.writes({}))
        == {f"t_{part}_{of}" for part in ("hour", "month") for of in ("sin", "cos")}
    )
    angles = [2 * math.pi * hour / 24 for hour in (0, 23, 6)]
    assert found["t_hour_sin"][:3] == pytest.approx([math.sin(a) for a in angles])
    assert found["t_hour_cos"][:3] == pytest.approx([math.cos(a) for a in angles])
    assert found["t_month_cos"][1] == pytest.approx(1)
    assert found["t_month_sin"][3] is None


def holiday_op(**more):
    parts = ("is_holiday", "days_to_holiday")
    return DateParts(column="t", parts=parts, **{"country": "US", **more})


def test_the_days_to_the_nearest_holiday_in_the_zone(both):
    op = holiday_op(time_zone="America/New_York")
    fitted = both.fit(op, {"t": [utc(2013, 1, 1, 12), utc(2014, 1, 1, 1), None]})
    read = FittedDateParts.model_validate_json(fitted.model_dump_json())
    served = [
        utc(2013, 7, 4, 12),
        utc(2013, 7, 5, 3),  # still the fourth in New York
        utc(2013, 7, 5, 12),
        utc(2013, 7, 1, 12),
        utc(2013, 12, 29, 12),
        utc(2018, 12, 31, 12),
        utc(2019, 1, 2, 12),
        utc(2012, 12, 31, 12),
        None,
    ]
    found = both.apply(read, {"t": served})
    assert found["t_days_to_holiday"] == [0.0, 0.0, 1.0, 3.0, 3.0, 1.0, None, None, None]
    assert found["t_is_holiday"] == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, None, None, None]
    assert fitted.describe() == {
        "t": "is_holiday, days_to_holiday in the time zone America/New_York; "
        "holidays of 2013 to 2018"
    }


def test_every_day_of_a_year_against_a_search_of_all_holidays(both):
    import holidays

    days = [utc(2016, 1, 1) + dt.timedelta(days=i) for i in range(366)]
    found = both.apply(
        both.fit(holiday_op(country="DE", subdivision="BY"), {"t": days}), {"t": days}
    )
    all_of_them = holidays.country_holidays("DE", subdiv="BY", years=range(2015, 2018))
    wanted = [min(abs((day.date() - known).days) for known in all_of_them) for day in days]
    assert found["t_days_to_holiday"] == [float(days) for days in wanted]
    assert found["t_is_holiday"] == [float(days == 0) for days in wanted]


@pytest.mark.parametrize("moments", [[None, None], [utc(1850, 1, 1), utc(1860, 1, 1)]])
def test_no_holidays_are_known_of_the_training_rows(both, moments):
    fitted = both.fit(holiday_op(), {"t": moments}, t="timestamp")
    assert both.apply(fitted, {"t": [utc(2020, 1, 1)]})["t_days_to_holiday"] == [None]
    assert fitted.describe()["t"].endswith("in the time zone UTC; no holidays")


def test_holidays_cover_no_years_beyond_reason():
    wide = Holidays.around("US", None, 1, 9999)
    assert wide.years == (1900, 2100)
    assert Holidays.around("US", None, 2300, 2400) == Holidays(years=None, dates=())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "name at least one of 'parts' or 'cyclic'"),
        ({"parts": ("is_holiday",)}, "'is_holiday' wants a 'country'"),
        ({"parts": ("hour",), "subdivision": "NY"}, "'subdivision' wants a 'country'"),
        ({"parts": ("is_holiday",), "country": "Narnia"}, "of the country 'Narnia'"),
        (
            {"parts": ("is_holiday",), "country": "DE", "subdivision": "BZ"},
            "no holidays are known of 'BZ' in DE; did you mean",
        ),
        ({"cyclic": ("year",)}, "Input should be 'quarter'"),
    ],
)
def test_refuses_what_does_not_go_together(fields, message):
    with pytest.raises(ValidationError, match=message):
        DateParts(column="t", **fields)
