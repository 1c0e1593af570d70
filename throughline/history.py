"""History features: what was known from earlier rows, computed causally over the whole table.

A request to an endpoint carries the values.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, WindowSpec

    from throughline.recipe.history import Count, History, Moment, Rolling

_WHEN = "__when"
_VALUE = "__value"
_ASKS = "__asks"
_BUCKET = "__bucket"
_REST = "__rest"
_WINDOWS_PER_BUCKET = 8


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


def add_history(
    table: "DataFrame", history: "Sequence[History]", told: "DataFrame | None" = None
) -> "DataFrame":
    """Adds the history features; the rows stay as many as they were.

    Args:
        table: The rows.
        history: The features.
        told: The rows that tell, with what is known only afterwards; the same rows if left out.
    """
    told = table if told is None else told
    for feature in history:
        if feature.count:
            table = _add_count(table, feature.count)
    groups = _sharing_an_order([feature.rolling for feature in history if feature.rolling])
    if not groups:
        return table
    used = list(dict.fromkeys(name for first, *_ in groups for name in (*first.by, first.at)))
    rows = _packed(table, used)
    for alike in groups:
        rows = _add_rolling(rows, told, alike)
    return _unpacked(rows, table.columns, used)


def _packed(table: "DataFrame", used: "Sequence[str]") -> "DataFrame":
    """All columns but ``used`` in one: a pass copies one struct faster than many columns."""
    from pyspark.sql import functions as F

    rest = [quoted(name) for name in table.columns if name not in used]
    packed = [F.struct(*rest).alias(_REST)] if rest else []
    return table.select(*map(quoted, used), *packed)


def _unpacked(rows: "DataFrame", names: "Sequence[str]", used: "Sequence[str]") -> "DataFrame":
    """The columns ``names`` as they were before :func:`_packed`, and those made since."""
    from pyspark.sql import functions as F

    made = [name for name in rows.columns if name not in (*used, _REST)]
    before = [
        F.col(quoted(name)) if name in used else F.col(_REST)[name].alias(name)
        for name in names
        if name not in made
    ]
    return rows.select(*before, *map(quoted, made))


def _add_count(table: "DataFrame", count: "Count") -> "DataFrame":
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    same = Window.partitionBy(*[quoted(column) for column in count.by])
    return table.withColumn(count.output, F.count(F.lit(1)).over(same).cast("double"))


def _sharing_an_order(features: "Sequence[Rolling]") -> "list[list[Rolling]]":
    """The features grouped by what their rows are shuffled and sorted by: one pass per group."""
    groups: dict[tuple[object, ...], list[Rolling]] = {}
    for rolling in features:
        order = (rolling.by, rolling.time, rolling.at, rolling.lag)
        groups.setdefault(order, []).append(rolling)
    return list(groups.values())


def _add_rolling(
    table: "DataFrame", telling: "DataFrame", alike: "Sequence[Rolling]"
) -> "DataFrame":
    """Range windows over the rows that ask, at their cut-off, and the rows that tell.

    A row tells its value from the later of its ``time`` and its own ``at``, so that nothing that
    happens at or after a cut-off can reach it. Time is cut into buckets, and what a row tells less
    than a window's length before its bucket's end goes into the next one too: a window never leaves
    its bucket, and the work spreads over as many tasks as there are buckets.

    Args:
        table: The rows that ask.
        telling: The rows that tell.
        alike: Features that differ only in what they are of, how far back and in their functions.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    first = alike[0]
    at, known = (F.col(quoted(name)).cast("long") for name in (first.at, first.time))
    by = [quoted(column) for column in first.by]
    values = {name: f"{_VALUE}_{i}" for i, name in enumerate(dict.fromkeys(r.of for r in alike))}
    integers = {name for name, kind in telling.dtypes if kind == "bigint"}
    told = [
        F.col(quoted(name)).cast("long" if name in integers else "double").alias(value)
        for name, value in values.items()
    ]
    longest = max(rolling.within for rolling in alike)
    bucket = F.floor(F.col(_WHEN) / (_WINDOWS_PER_BUCKET * longest))
    nearby = F.floor((F.col(_WHEN) + longest) / (_WINDOWS_PER_BUCKET * longest))

    asks = table.withColumns({_WHEN: at - first.lag, _ASKS: F.lit(True)})
    tells = (
        telling.where(F.coalesce(*told).isNotNull() & at.isNotNull() & known.isNotNull())
        .dropna(subset=list(first.by))
        .select(*by, F.greatest(at, known).alias(_WHEN), *told, F.lit(False).alias(_ASKS))
        .withColumn(_BUCKET, F.explode(F.array_distinct(F.array(bucket, nearby))))
    )
    both = asks.withColumn(_BUCKET, bucket).unionByName(tells, allowMissingColumns=True)
    order = Window.partitionBy(*by, _BUCKET).orderBy(_WHEN)
    figures = {
        rolling.output(function): _figure(
            function,
            values[rolling.of],
            order,
            rolling.within,
            integers=rolling.of in integers,
        )
        for rolling in alike
        for function in rolling.functions
    }
    return both.withColumns(figures).where(_ASKS).drop(_WHEN, *values.values(), _ASKS, _BUCKET)


def _figure(
    function: str, value: str, order: "WindowSpec", within: int, *, integers: bool
) -> "Column":
    """A function's figure of the values told from ``within`` seconds before until just before.

    Spark computes a frame that moves at both ends from all its rows, each time anew; one that only
    grows takes each row once. So counts, and means of integers, are differences of two such. The
    high and the low half of an integer are summed apart: neither sum can overflow.

    Args:
        function: What to compute.
        value: The column of the values.
        order: The windows' partition and order.
        within: The length of the window, in seconds.
        integers: Whether the values are integers; a difference of decimal sums is not exact.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    values = F.col(value)
    by_now = order.rangeBetween(Window.unboundedPreceding, -1)
    too_old = order.rangeBetween(Window.unboundedPreceding, -within - 1)

    def told(summed: "Column") -> "Column":
        now, before = (F.coalesce(summed.over(w), F.lit(0).cast("long")) for w in (by_now, too_old))
        return now - before

    count = told(F.count(values))
    if function == "count":
        return count.cast("double")
    if function == "mean" and integers:
        high, low = F.shiftright(values, 32), values.bitwiseAND(F.lit(2**32 - 1))
        total = told(F.sum(high)) * F.lit(2.0**32) + told(F.sum(low))
        return F.when(count > 0, total / count)
    compute = {"mean": F.mean, "min": F.min, "max": F.max, "std": F.stddev}
    return compute[function](values).over(order.rangeBetween(-within, -1)).cast("double")
