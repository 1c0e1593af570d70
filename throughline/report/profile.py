"""What a table's parts hold: rows and missing values, counted; a sample, to draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from throughline.features.op import quoted
from throughline.features.out_of_fold import FOLD
from throughline.features.schema import KIND_OF_TYPE, InputType, input_types
from throughline.splitting.splitting import PARTS, SPLIT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SAMPLE = 20_000
"""Rows per part. The PSI of two such samples of the same rows is about 0.001 for ten bins."""

LONGEST = 60
"""Texts are told apart by so many characters, so that a sample of long ones stays small."""


@dataclass(frozen=True)
class Profile:
    """The parts of a table.

    Attributes:
        types: The type of each column; "" for one that a plan cannot read.
        rows: How many rows each part has.
        missing: For each column, in how many rows of each part it is missing; counted, all rows.
        sample: Some rows of each part: the columns with a type, numbers and moments (in seconds)
            as Float64, all else as text; missing values are null.
    """

    types: Mapping[str, InputType | str]
    rows: Mapping[str, int]
    missing: Mapping[str, Mapping[str, int]]
    sample: Mapping[str, pl.DataFrame]


def profile_of(table: "DataFrame", most: int = SAMPLE) -> Profile:
    """Profiles a table in two jobs; only counts and the sample reach the driver.

    Args:
        table: The rows, on Spark, with their part in ``__split``; others than the three parts
            are left out.
        most: About how many rows of each part the sample has.
    """
    table = table.where(table[SPLIT].isin(*PARTS))
    names = [name for name in table.columns if name not in (SPLIT, FOLD)]
    known = input_types(table)
    rows, missing = _count(table, names)
    shares = {part: min(1.0, most / max(count, 1)) for part, count in rows.items()}
    sample = _sample(table, {name: known[name] for name in names if name in known}, shares)
    types = {name: known.get(name, "") for name in names}
    return Profile(types=types, rows=rows, missing=missing, sample=sample)


def _count(
    table: "DataFrame", names: Sequence[str]
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    from pyspark.sql import functions as F

    decimals = {name for name, kind in table.dtypes if kind in ("float", "double")}

    def misses(name: str) -> "Column":
        column = F.col(quoted(name))
        return column.isNull() | F.isnan(column) if name in decimals else column.isNull()

    figures = [F.count_if(misses(name)).alias(f"m{i}") for i, name in enumerate(names)]
    found = table.groupBy(SPLIT).agg(F.count("*").alias("rows"), *figures).toLocalIterator()
    counts = dict.fromkeys(PARTS, dict.fromkeys(["rows", *(f"m{i}" for i in range(len(names)))], 0))
    counts |= {row[SPLIT]: row.asDict() for row in found}
    rows = {part: counts[part]["rows"] for part in PARTS}
    missing = {
        name: {part: counts[part][f"m{i}"] for part in PARTS} for i, name in enumerate(names)
    }
    return rows, missing


def _sample(
    table: "DataFrame", types: Mapping[str, InputType], shares: Mapping[str, float]
) -> dict[str, pl.DataFrame]:
    """The same rows each time, for the same files."""
    numeric = {name for name, kind in types.items() if KIND_OF_TYPE[kind] in ("number", "time")}
    places = {f"c{i}": name for i, name in enumerate(types)}  # names may differ in case alone
    columns = [
        _plain(name, number=name in numeric, moment=types[name] == "timestamp").alias(place)
        for place, name in places.items()
    ]
    chosen = table.sampleBy(SPLIT, dict(shares), seed=7).select(SPLIT, *columns).toPandas()
    frame = pl.from_pandas(chosen).with_columns(
        pl.col(place).cast(pl.Float64 if name in numeric else pl.String)
        for place, name in places.items()
    )
    return {part: frame.filter(pl.col(SPLIT) == part).drop(SPLIT).rename(places) for part in PARTS}


def _plain(name: str, *, number: bool, moment: bool) -> "Column":
    """A column as a number (a moment in seconds) without NaN, or as a short text."""
    from pyspark.sql import functions as F

    column = F.col(quoted(name))
    if not number:
        return F.substring(column.cast("string"), 1, LONGEST)
    seconds = column.cast("timestamp") if moment else column
    return F.nanvl(seconds.cast("double"), F.lit(None))
