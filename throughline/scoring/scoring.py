"""Scoring a table on Spark with a served model, as its endpoint would answer the same rows."""

import logging
import shutil
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.contract.contract import Violation
from throughline.contract.table_check import violations_of
from throughline.errors import UserError
from throughline.features.schema import KIND_OF_TYPE, kinds_of
from throughline.outputs import Output
from throughline.scoring.model_files import ModelFiles
from throughline.scoring.spark_worker import scorer
from throughline.sources.tables import read_table, readable
from throughline.spark import check_writable
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

logger = logging.getLogger(__name__)

ROWS = "rows"
"""The folder of the scored rows in the output, beside the manifest."""


@dataclass(frozen=True)
class Scoring:
    """What a finished scoring made.

    Attributes:
        rows: How many rows were scored.
        seconds: How long reading, scoring and writing took.
        means: The mean of ``prediction`` and ``probability``, where they are numbers.
        violations: How the table does not keep the model's contract.
    """

    rows: int
    seconds: float
    means: dict[str, float]
    violations: list[Violation]


def score_table(
    spark: "SparkSession", model: ModelFiles, table: str, output: Output, data_root: str
) -> Scoring:
    """Scores the rows of a table and writes them with their answers as Parquet; the manifest last.

    A row that misses a value without which the model cannot predict has no prediction and no
    probability (null); the endpoint would refuse it, and here one row ends no job.

    Args:
        spark: The session.
        model: The model.
        table: Raw rows as a request carries them: a sample, or a path, glob or URI of files. What
            the model does not read is handed through.
        output: Where to write; left as it was if the scoring does not finish.
        data_root: Where samples are kept as Parquet.

    Raises:
        UserError: If the output is there already, the table does not fit the model, or it does not
            keep the model's contract and the recipe said to refuse.
    """
    check_writable(spark, output.uri)
    with output.claimed(), readable(table):
        rows = read_table(spark, table, data_root)
        check_fit(rows, model, table)
        instead = "score with a model whose recipe has 'contract: warn'"
        violations = violations_of(model.contract, rows, instead) if model.contract else []
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            scored(rows, model, Path(folder)).write.parquet(output.path(ROWS))
        seconds = time.monotonic() - started
        count, means = _figures(spark.read.parquet(output.path(ROWS)), model)
        output.commit({"rows": count, "model": model.uri, "table": table})
    logger.info("scored %s rows, %s a second", f"{count:,}", f"{count / seconds:,.0f}")
    return Scoring(count, seconds, means, violations)


def scored(rows: "DataFrame", model: ModelFiles, folder: Path) -> "DataFrame":
    """The rows with the model's answers beside them, lazily.

    Args:
        rows: Raw rows that fit the model.
        model: The model; it is shipped to the executors as one archive.
        folder: An empty folder for the archive, which has to stay until the rows are scored.
    """
    from pyspark.sql.types import DoubleType, LongType, StringType, StructField, StructType

    types = {"double": DoubleType(), "long": LongType(), "string": StringType()}
    name = f"throughline-model-{uuid.uuid4().hex}"  # the application keeps files by their name
    archive = shutil.make_archive(str(folder / name), "zip", model.folder)
    rows.sparkSession.sparkContext.addArchive(archive)
    answers = [StructField(column, types[kind]) for column, kind in model.answers.items()]
    score = scorer(f"{name}.zip", model.served, model.answers)
    return rows.mapInArrow(score, StructType([*rows.schema.fields, *answers]))


def check_fit(rows: "DataFrame", model: ModelFiles, table: str) -> None:
    """Checks that a model can score a table's rows.

    Raises:
        UserError: If a column is missing, of another kind, or named like one of the answers.
    """
    kinds = kinds_of(rows)
    for column in model.inputs:
        if column.name not in rows.columns:
            if not column.optional:
                raise UserError(
                    f"The table {table} lacks the column {column.name!r}, which the model "
                    f"{model.uri} needs; {nearest(column.name, rows.columns)}."
                )
        elif kinds.get(column.name) != KIND_OF_TYPE[column.type]:
            kind = kinds.get(column.name) or dict(rows.dtypes)[column.name]
            raise UserError(
                f"The column {column.name!r} of the table {table} is of kind {kind}, where the "
                f"model {model.uri} reads {KIND_OF_TYPE[column.type]}; write it as that."
            )
    if taken := [name for name in model.answers if name in rows.columns]:
        raise UserError(
            f"The table {table} has a column {taken[0]!r}, which is the name of one of the model's "
            "answers; rename it."
        )


def _figures(rows: "DataFrame", model: ModelFiles) -> tuple[int, dict[str, float]]:
    from pyspark.sql import functions as F

    names = [n for n in ("prediction", "probability") if model.answers.get(n, "string") != "string"]
    found = rows.agg(F.count(F.lit(1)), *[F.mean(name) for name in names]).first() or (0,)
    means = zip(names, found[1:], strict=True)
    return int(found[0]), {name: float(mean) for name, mean in means if mean is not None}
