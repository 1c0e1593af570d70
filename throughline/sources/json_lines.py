"""Reading JSON lines: one object per line."""

from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.features.op import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_CORRUPT = "_corrupt_record"
_DAY = r"\A[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"


def read_json(spark: "SparkSession", path: str) -> "DataFrame":
    """Reads files of JSON lines.

    JSON knows text, numbers and booleans. A column of text is of moments if all its values are
    written as days or moments, as in 2013-01-01T05:00:00Z; other text stays as it is.

    Raises:
        UserError: If a line is no JSON object.
    """
    from pyspark.sql import functions as F

    table = spark.read.json(path)
    if _CORRUPT in table.columns:
        raise UserError(
            f"The table {path} is not JSON lines: some line holds no whole object; write one "
            "object per line."
        )
    text = [name for name, kind in table.dtypes if kind == "string"]
    if not text:
        return table
    values = F.transform(F.array(*[F.col(quoted(name)) for name in text]), _is_moment)
    found = table.agg(*[F.bool_and(values[i]) for i in range(len(text))]).first() or ()
    moments = [name for name, every in zip(text, found, strict=True) if every]
    return table.withColumns({name: F.try_to_timestamp(F.col(quoted(name))) for name in moments})


def _is_moment(text: "Column") -> "Column":
    """Also asks for its form: Spark takes a lone year and a lone time of day for a moment too."""
    from pyspark.sql import functions as F

    dashed = (F.substring(text, 5, 1) == "-") & text.rlike(_DAY)
    return F.when(text.isNotNull(), dashed & F.try_to_timestamp(text).isNotNull())
