"""History features: what was known from earlier rows, computed causally over the whole table.

A request to an endpoint carries the values.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from throughline.recipe import Count, History, Moment, Rolling

_WHEN = "__when"
_VALUE = "__value"
_ASKS = "__asks"
_BUCKET = "__bucket"


def add_moments(table: "DataFrame", moments: "dict[str, Moment]") -> "DataFrame":
    """Adds each moment: a time column plus a number of minutes, to the second."""
    import narwhals as nw
    from pyspark.sql import functions as F

    from throughline.expressions import compile_expression

    for name, moment in moments.items():
        minutes = compile_expression(str(moment.plus_minutes)).alias("__minutes")
        table = nw.from_native(table).with_columns(minutes).to_native()
        seconds = F.col(quoted(moment.start)).cast("long") + F.col("__minutes") * 60
        table = table.withColumn(name, F.timestamp_seconds(seconds)).drop("__minutes")
    return table


def add_history(table: "DataFrame", history: "Sequence[History]") -> "DataFrame":
    """Adds the history features; the rows stay as many as they were."""
    told = table  # as it came: what rows tell is not carried through the features before it
    for feature in history:
        if feature.count:
            table = _add_count(table, feature.count)
        if feature.rolling:
            table = _add_rolling(table, told, feature.rolling)
    return table


def _add_count(table: "DataFrame", count: "Count") -> "DataFrame":
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    same = Window.partitionBy(*[quoted(column) for column in count.by])
    return table.withColumn(count.output, F.count(F.lit(1)).over(same).cast("double"))


def _add_rolling(table: "DataFrame", telling: "DataFrame", rolling: "Rolling") -> "DataFrame":
    """One range window over the rows that ask, at their cut-off, and the rows that tell.

    A row tells its value from the later of its ``time`` and its own ``at``, so that nothing that
    happens at or after a cut-off can reach it. Time is cut into buckets as long as the window; what
    a row tells goes into its own bucket and the next, so that a window never leaves its bucket and
    the work spreads over as many tasks as there are buckets.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    at, known = (F.col(quoted(name)).cast("long") for name in (rolling.at, rolling.time))
    by = [quoted(column) for column in rolling.by]
    value = F.col(quoted(rolling.of)).cast("double")

    def bucket(seconds: "Column") -> "Column":
        return F.floor(seconds / max(rolling.within, 1))

    asks = table.withColumns(
        {_WHEN: at - rolling.lag, _VALUE: F.lit(None).cast("double"), _ASKS: F.lit(True)}
    ).withColumn(_BUCKET, bucket(F.col(_WHEN)))
    told = (
        telling.where(value.isNotNull() & at.isNotNull() & known.isNotNull())
        .dropna(subset=list(rolling.by))
        .select(
            *by, F.greatest(at, known).alias(_WHEN), value.alias(_VALUE), F.lit(False).alias(_ASKS)
        )
        .withColumn(_BUCKET, bucket(F.col(_WHEN)))
        .withColumn(_BUCKET, F.explode(F.array(_BUCKET, F.col(_BUCKET) + 1)))
    )
    window = Window.partitionBy(*by, _BUCKET).orderBy(_WHEN).rangeBetween(-rolling.within, -1)
    compute = {"mean": F.mean, "count": F.count, "min": F.min, "max": F.max, "std": F.stddev}
    figures = {
        rolling.output(function): compute[function](F.col(_VALUE)).over(window).cast("double")
        for function in rolling.functions
    }
    both = asks.unionByName(told, allowMissingColumns=True).withColumns(figures)
    return both.where(_ASKS).drop(_WHEN, _VALUE, _ASKS, _BUCKET)
