"""Moments of a pandas table, whatever they are stored as."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

YEARS = range(1678, 2262)
"""The years that nanoseconds, in which MLflow declares moments, can tell."""


def in_utc(values: "pd.Series") -> "pd.Series":
    """Moments in UTC, naive; dates and text are read to the microsecond, which holds any year."""
    import pandas as pd

    if values.dtype == object:
        values = values.astype("datetime64[us, UTC]")
    return pd.to_datetime(values, utc=True).dt.tz_localize(None)


def in_nanoseconds(values: "pd.Series") -> "pd.Series":
    """The same in nanoseconds; one outside :data:`YEARS`, such as 9999-12-31, is missing."""
    moments = in_utc(values)
    return moments.where(moments.dt.year.isin(YEARS)).astype("datetime64[ns]")
