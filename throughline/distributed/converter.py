"""A Spark DataFrame as Parquet that a network can be trained on, by Petastorm's converter."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_CACHE = "petastorm.spark.converter.parentCacheDirUrl"
ROW_GROUPS = 64
"""A worker opens whole row groups: with so many, up to 64 workers find their own."""


@contextmanager
def converted(spark: "SparkSession", rows: "DataFrame", cache: str) -> Iterator[str]:
    """Writes rows as Parquet for the block and gives the URI, as ``TrainingJob.train`` takes it.

    Args:
        spark: The session.
        rows: The rows: numbers, codes of categories and the label, as in a prepared table.
        cache: A folder, path or URI, below which the Parquet is written. In the place of a local
            path with characters that a URL writes otherwise, which Petastorm's converter does not
            find again, a temporary folder is taken.
    """
    from petastorm.spark import make_spark_converter

    with _cache_for(cache) as url:
        made = _made(spark, rows, url, make_spark_converter)
        try:
            yield made.cache_dir_url
        finally:
            made.delete()
            with suppress(OSError):
                Path(cache).rmdir()  # if nothing else is there


@contextmanager
def _cache_for(cache: str) -> Iterator[str]:
    if "://" in cache:
        yield cache
        return
    path = str(Path(cache).resolve())
    if quote(path) == path:
        yield f"file://{path}"
        return
    with tempfile.TemporaryDirectory(prefix="throughline-rows-") as folder:
        yield f"file://{folder}"


def _made(spark: "SparkSession", rows: "DataFrame", url: str, make: Any) -> Any:
    before = spark.conf.get(_CACHE, None)
    spark.conf.set(_CACHE, url)
    try:
        # Columns keep their types: a label in float32 would lose digits.
        return make(rows.repartition(ROW_GROUPS), dtype=None)
    finally:
        if before is None:
            spark.conf.unset(_CACHE)
        else:
            spark.conf.set(_CACHE, before)
