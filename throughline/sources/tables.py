"""Reading a table by its name in a recipe: a sample, files, or a Delta table."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from throughline.dbfs import for_python, for_spark
from throughline.errors import UserError
from throughline.login import login_in_table
from throughline.moments import YEARS
from throughline.sources.azure_cache import local_copy
from throughline.sources.azure_uri import is_azure
from throughline.sources.delimited import read_csv
from throughline.sources.delta import read_delta
from throughline.sources.formats import Format, format_of
from throughline.sources.json_lines import read_json
from throughline.sources.kept import kept_below
from throughline.sources.samples import PREFIX, sample_as_parquet
from throughline.spark import has_file_system

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_BROKEN = re.compile(
    r"PATH_NOT_FOUND|is not a Parquet file|Could not read footer|FAILED_READ_FILE|Cannot read file|"
    r"Encountered error while reading file|Unable to infer schema|ParquetDecodingException"
)


def read_table(spark: "SparkSession", reference: str, data_root: str) -> "DataFrame":
    """Reads a table, lazily, in the few types that a plan reads.

    The types of CSV, and what in JSON lines is a moment, are found in one pass over the values.

    Not-a-number and the infinities become missing, decimals double, and days and moments without a
    zone moments in UTC; those that no request could carry, such as 9999-12-31, become missing. A
    dot or a backtick in a column's name becomes an underscore: to Spark and its ML stages a dot
    leads into a column.

    Args:
        spark: The session.
        reference: ``sample:<package>/<table>``, or a path, glob or URI of files of Parquet,
            CSV or JSON lines, or of a Delta table's folder. What is in Azure storage is copied to
            this machine first, unless Spark has a connector to it.
        data_root: Where samples are kept as Parquet, and copies of what is in Azure storage.

    Raises:
        UserError: If there is no such table, or its files are not what their name says.
    """
    if refused := login_in_table(reference):
        raise UserError(f"{refused[:1].upper()}{refused[1:]}.")
    path = reference
    if reference.startswith(PREFIX):
        path = for_spark(str(sample_as_parquet(reference, for_python(data_root)).absolute()))
    elif is_azure(reference) and not has_file_system(spark, reference):
        path = for_spark(local_copy(reference, kept_below(for_python(data_root), "azure")))
    kind = format_of(path)
    with readable(reference):
        table = _read(spark, path, kind)
    _names_are_unique(table, reference)
    return _normalised(table)


def _read(spark: "SparkSession", path: str, kind: Format) -> "DataFrame":
    if kind == "parquet":
        return spark.read.parquet(path)
    return {"csv": read_csv, "json": read_json, "delta": read_delta}[kind](spark, path)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Turns Spark's errors about unreadable files, in the block, into a user's mistake."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        if "TIMESTAMP(NANOS" in str(error):
            raise UserError(
                f"The table {what} holds times in nanoseconds, which Spark does not read; write "
                "it with microseconds (in pandas: to_parquet(..., coerce_timestamps='us'))."
            ) from None
        if "CSV header does not conform" in str(error):
            raise UserError(
                f"The files of {what} have different header lines; a table's files have the same "
                "columns in the same order."
            ) from None
        if match := _BROKEN.search(str(error)):
            file = re.search(r"(?:file:)?(/[^\s'\",]+\.(?:parquet|csv|jsonl?))", str(error))
            name = file[1] if file else what
            raise UserError(
                f"The file {name} cannot be read ({match[0]}): it is damaged or not of the format "
                "its name says; replace it."
            ) from None
        raise


def _normalised(table: "DataFrame") -> "DataFrame":
    from pyspark.sql import functions as F

    from throughline.features.op import quoted

    def cleaned(name: str, kind: str) -> "F.Column":
        column = F.col(quoted(name))
        if kind.startswith("decimal"):
            column = column.cast("double")
        if kind in ("tinyint", "smallint", "int"):
            column = column.cast("bigint")  # as a request has it: narrower ones overflow
        if kind == "float":
            column = column.cast("string").cast("double")  # the 0.1 that a request has
        if kind in ("double", "float"):
            column = F.when(F.abs(column) < float("inf"), column)
        if kind in ("date", "timestamp_ntz"):
            column = column.cast("timestamp")
        if kind in ("date", "timestamp_ntz", "timestamp"):
            column = F.when(F.year(column).between(YEARS[0], YEARS[-1]), column)
        return column.alias(_plain_name(name))

    return table.select([cleaned(name, kind) for name, kind in table.dtypes])


def _plain_name(name: str) -> str:
    return name.replace(".", "_").replace("`", "_")


def _names_are_unique(table: "DataFrame", reference: str) -> None:
    found: dict[str, str] = {}
    for name in table.columns:
        other = found.setdefault(_plain_name(name), name)
        if other != name:
            raise UserError(
                f"The table {reference} has the columns {other!r} and {name!r}, which are the same "
                "once dots and backticks become underscores; rename one of them."
            )
