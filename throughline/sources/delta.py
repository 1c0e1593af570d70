"""Reading a Delta table: by Spark where it knows Delta, else the current files of its log."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from throughline.errors import UserError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_HARMLESS = {"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"}
"""Features of a table that leave its files plain Parquet (Delta's protocol, "Table Features")."""


def read_delta(spark: "SparkSession", path: str) -> "DataFrame":
    """Reads a Delta table's newest version.

    Where Spark has the Delta data source, as on Databricks, it reads. Elsewhere the package
    ``deltalake`` tells which Parquet files are the table's now.

    Raises:
        UserError: If neither is there, or the table needs more than plain Parquet files tell.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        return spark.read.format("delta").load(path)
    except (Py4JJavaError, PySparkException) as error:
        if "DATA_SOURCE_NOT_FOUND" not in str(error):
            raise
    return _current_files(spark, path)


def _current_files(spark: "SparkSession", path: str) -> "DataFrame":
    from pyspark.sql.types import StructType

    table = _opened(path)
    if needed := _beyond_parquet(table):
        raise UserError(
            f"The Delta table {path} uses {needed}, which plain reading of its files cannot do; "
            "run where Spark has Delta, or write it again without."
        )
    schema = StructType.fromJson(json.loads(table.schema().to_json()))
    root = path.rstrip("/")
    names = map(unquote, table.get_add_actions()["path"].to_pylist())  # the log has them as URIs
    files = [name if "://" in name else f"{root}/{name}" for name in names]
    if not files:
        return spark.createDataFrame([], schema)
    return spark.read.schema(schema).option("basePath", root).parquet(*files)


def _opened(path: str) -> Any:
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError
    except ImportError:
        raise UserError(
            f"The table {path} is a Delta table, which this Spark does not read; "
            "install the package deltalake."
        ) from None
    try:
        return DeltaTable(path)
    except DeltaError as error:
        raise UserError(
            f"The Delta table {path} cannot be read: {str(error).rstrip('.')}."
        ) from None


def _beyond_parquet(table: Any) -> str:
    """What the table needs that its Parquet files alone do not tell; empty if nothing."""
    needed = set(table.protocol().reader_features or ()) - _HARMLESS
    mode = table.metadata().configuration.get("delta.columnMapping.mode", "none")
    needed -= {"columnMapping"} if mode == "none" else set()
    return ", ".join(sorted(needed | ({"columnMapping"} if mode != "none" else set())))
