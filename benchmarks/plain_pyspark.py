"""The rival of ``prep``: the flights' preparation as one writes it by hand, in plain PySpark.

The same joins, windows, imputation, encoding and files, for this one table: no recipe, no checks,
no plan that could be served.
"""

from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

MEDIANS = [
    "weather_temp",
    "weather_dewp",
    "weather_humid",
    "weather_pressure",
    "weather_wind_speed",
    "weather_precip",
    "weather_visib",
    "plane_year",
    "plane_seats",
]
DELAYS = [
    "dep_delay_mean_1h_by_origin",
    "dep_delay_mean_3h_by_origin",
    "dep_delay_mean_3h_by_origin_carrier",
    "dep_delay_mean_6h_by_dest",
    "dep_delay_mean_1d_by_tailnum",
]
FLAGGED = ["plane_year", "plane_seats", *DELAYS]
CATEGORIES = ["carrier", "origin", "dest", "plane_manufacturer"]
SCALED = [
    "distance",
    *MEDIANS,
    *DELAYS,
    "dep_delay_count_1h_by_origin",
    "dep_delay_count_3h_by_origin",
    "dep_delay_count_3h_by_origin_carrier",
    "dep_delay_count_1d_by_tailnum",
    "count_by_origin_time_hour",
    "count_by_origin_carrier_time_hour",
    "scheduled_at_hour",
    "scheduled_at_minute",
    "distance_count_by_origin_dest",
]
FLAGS = ["bad_weather", *[f"{name}_missing" for name in FLAGGED if name != "plane_seats"]]
LEFT_OUT = {"dep_delay_mean_6h_by_dest_missing", "dep_delay_mean_1h_by_origin_missing"}
NUMBERS = [*SCALED, *[name for name in FLAGS if name not in LEFT_OUT], "scheduled_at_day_of_week"]
ROLLING: list[tuple[list[str], int, bool]] = [
    (["origin"], 3, True),
    (["origin", "carrier"], 3, True),
    (["origin"], 1, True),
    (["dest"], 6, False),
    (["tailnum"], 24, True),
]
HOUR = 3600


def prepare_by_hand(spark: SparkSession, tables: Path, output: Path, test_from: str) -> None:
    """Reads the replicas in ``tables`` and writes raw and prepared rows below ``output``."""
    flights = spark.read.parquet(f"{tables}/flights")
    weather = prefixed(spark.read.parquet(f"{tables}/weather"), "weather_", ["origin", "time_hour"])
    planes = prefixed(spark.read.parquet(f"{tables}/planes"), "plane_", ["tailnum"])
    rows = with_history(flights)
    rows = rows.join(weather, on=["origin", "time_hour"], how="left")
    rows = rows.join(planes, on=["tailnum"], how="left")
    rows = rows.where("arr_delay is not null").withColumn(
        "late", (F.col("arr_delay") > 30).cast("int")
    )
    rows = with_split(rows, flights, test_from)
    rows = rows.drop("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "departed_at")
    rows.write.partitionBy("part").parquet(f"{output}/raw")
    rows = with_plain_features(spark.read.parquet(f"{output}/raw"))
    training = rows.where("part = 'train'")
    fill, spread = learn_numbers(training)
    codes = {name: learn_categories(training, name) for name in CATEGORIES}
    for part in ("train", "validation", "test"):
        chosen = rows.where(F.col("part") == part).select(
            *[encoded(name, codes[name]) for name in CATEGORIES],
            *[number(name, fill, spread) for name in NUMBERS],
            "late",
        )
        chosen.repartition(16).write.parquet(f"{output}/{part}")


def prefixed(table: DataFrame, prefix: str, keys: list[str]) -> DataFrame:
    """The table with a prefix before every column that is no key."""
    return table.select([c if c in keys else F.col(c).alias(prefix + c) for c in table.columns])


def with_history(flights: DataFrame) -> DataFrame:
    """Schedule counts, and delays of the flights that had left an hour before."""
    scheduled = F.col("time_hour").cast("long") + F.col("minute") * 60
    departed = scheduled + F.col("dep_delay") * 60
    rows = flights.withColumn("scheduled_at", F.timestamp_seconds(scheduled))
    rows = rows.withColumn("departed_at", F.timestamp_seconds(departed))
    told = rows
    for by in (["origin", "time_hour"], ["origin", "carrier", "time_hour"]):
        same = Window.partitionBy(*by)
        rows = rows.withColumn(f"count_by_{'_'.join(by)}", F.count("*").over(same))
    for by, hours, counted in ROLLING:
        rows = with_rolling(rows, told, by, hours, counted)
    return rows


def with_rolling(
    rows: DataFrame, told: DataFrame, by: list[str], hours: int, counted: bool
) -> DataFrame:
    """Mean (and count) of the departure delays in the hours that end an hour before."""
    asks = rows.withColumn("when", F.col("scheduled_at").cast("long") - HOUR)
    tells = told.where("dep_delay is not null").select(
        *by,
        F.greatest("departed_at", "scheduled_at").cast("long").alias("when"),
        F.col("dep_delay").alias("told"),
    )
    window = Window.partitionBy(*by).orderBy("when").rangeBetween(-hours * HOUR, -1)
    size = "1d" if hours == 24 else f"{hours}h"
    name = f"{size}_by_{'_'.join(by)}"
    both = asks.withColumn("asks", F.lit(True)).unionByName(tells, allowMissingColumns=True)
    both = both.withColumn(f"dep_delay_mean_{name}", F.mean("told").over(window))
    if counted:
        both = both.withColumn(f"dep_delay_count_{name}", F.count("told").over(window))
    return both.where("asks").drop("when", "told", "asks")


def with_split(rows: DataFrame, flights: DataFrame, test_from: str) -> DataFrame:
    """Testing from a day on; the last 15 % before it are for validation."""
    start = F.lit(test_from).cast("timestamp")
    seconds = F.col("time_hour").cast("long")
    earlier = flights.where(F.col("time_hour") < start)
    (border,) = earlier.agg(F.percentile_approx(seconds, 0.85, 10_000)).first() or (0,)
    part = F.when(F.col("time_hour") >= start, "test").when(seconds >= border, "validation")
    return rows.withColumn("part", part.otherwise("train"))


def with_plain_features(rows: DataFrame) -> DataFrame:
    """What needs no learning."""
    local = F.from_utc_timestamp("scheduled_at", "America/New_York")
    rows = rows.withColumns(
        {
            "bad_weather": F.expr("coalesce(weather_precip > 0 or weather_visib < 3, false)"),
            "scheduled_at_hour": F.hour(local),
            "scheduled_at_minute": F.minute(local),
            "scheduled_at_day_of_week": F.weekday(local) + 1,
            **{f"{name}_missing": F.col(name).isNull() for name in FLAGGED},
        }
    )
    routes = rows.where("part = 'train'").groupBy("origin", "dest")
    counted = routes.agg(F.count("distance").alias("distance_count_by_origin_dest"))
    return rows.join(F.broadcast(counted), on=["origin", "dest"], how="left")


def learn_numbers(training: DataFrame) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """What stands in for a missing number; and mean and deviation of the filled columns."""
    medians = [F.percentile_approx(name, 0.5, 10_000).alias(name) for name in MEDIANS]
    row = training.agg(*medians, *[F.mean(name).alias(name) for name in DELAYS]).first()
    fill = {**(row.asDict() if row else {}), "distance_count_by_origin_dest": 0.0}
    filled = training.fillna(fill)
    figures = [f(name) for name in SCALED for f in (F.mean, F.stddev_pop)]
    found = list(filled.agg(*figures).first() or ())
    return fill, {name: (found[2 * i], found[2 * i + 1]) for i, name in enumerate(SCALED)}


def learn_categories(training: DataFrame, name: str) -> list[str]:
    """The most frequent categories."""
    counted = training.fillna("UNKNOWN", ["plane_manufacturer"]).groupBy(name).count()
    top = counted.where(F.col(name).isNotNull()).orderBy(F.desc("count"), name).limit(128)
    return [row[0] for row in top.collect()]


def encoded(name: str, known: list[str]) -> Column:
    """A category as its place among the known ones."""
    place = F.create_map(*[F.lit(v) for i, value in enumerate(known) for v in (value, i)])
    column = F.coalesce(F.col(name), F.lit("UNKNOWN"))
    return F.coalesce(place[column], F.lit(len(known))).cast("int").alias(name)


def number(name: str, fill: dict[str, float], spread: dict[str, tuple[float, float]]) -> Column:
    """A number filled and scaled."""
    column = F.col(name).cast("double")
    if name in fill:
        column = F.coalesce(column, F.lit(float(fill[name])))
    if name in spread:
        column = (column - spread[name][0]) / spread[name][1]
    return column.cast("float").alias(name)
