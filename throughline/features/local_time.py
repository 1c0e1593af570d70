"""Wall-clock time: a moment as a clock in a named time zone shows it."""

from zoneinfo import ZoneInfo

import narwhals as nw
import polars as pl

from throughline.features.op import Frame, quoted

LOCAL = "__local_time"
WEEK = "__local_week"


def with_local_time(frame: Frame, column: str, time_zone: str) -> Frame:
    """Adds ``LOCAL``, the wall-clock time of ``column`` in ``time_zone``.

    One kernel per engine: Narwhals cannot leave the session's time zone on Spark. A moment without
    a zone is read as UTC, as everywhere in the project (the Spark session's zone is UTC).
    """
    native = frame.to_native()
    if frame.implementation.is_pyspark():
        from pyspark.sql import functions as F

        local = F.from_utc_timestamp(F.col(quoted(column)), time_zone)
        return nw.from_native(native.withColumn(LOCAL, local))
    zone = ZoneInfo(time_zone).key
    moment = pl.col(column).dt.convert_time_zone(zone)
    return nw.from_native(native.with_columns(moment.alias(LOCAL)))


def with_week(frame: Frame) -> Frame:
    """Adds ``WEEK``, the week of ISO 8601 of the local time, which Narwhals does not know.

    Weeks start on Monday, and the first one of a year has its first Thursday.
    """
    native = frame.to_native()
    if frame.implementation.is_pyspark():
        from pyspark.sql import functions as F

        return nw.from_native(native.withColumn(WEEK, F.weekofyear(LOCAL)))
    return nw.from_native(native.with_columns(pl.col(LOCAL).dt.week().alias(WEEK)))
