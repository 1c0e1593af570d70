"""Training a Spark ML estimator on a prepared table, and what it leaves for serving."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from throughline.features.assembly import spark_assembler, with_category_sizes
from throughline.models.family import refused_values
from throughline.prepared import PreparedTable
from throughline.spark import session

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame

FEATURES = "features"


@contextmanager
def assembled(table: PreparedTable, part: str) -> "Iterator[DataFrame]":
    """A part as Spark ML wants it: the label as double and one vector column; cached meanwhile."""
    from pyspark.ml import Pipeline
    from pyspark.sql import functions as F

    rows = with_category_sizes(table.on_spark(session(), part), table.layout)
    rows = rows.withColumn(table.layout.label, F.col(table.layout.label).cast("double"))
    pipeline = Pipeline(stages=list(spark_assembler(table.layout, FEATURES))).fit(rows)
    vectors = pipeline.transform(rows).select(FEATURES, table.layout.label).cache()
    try:
        yield vectors
    finally:
        vectors.unpersist()


def whole_pipeline(table: PreparedTable, model: Any) -> "PipelineModel":
    """Assembly and model as one pipeline over prepared columns, to log in Spark's own flavor."""
    from pyspark.ml import Pipeline, PipelineModel

    rows = with_category_sizes(table.on_spark(session(), "train"), table.layout)
    assembly = Pipeline(stages=list(spark_assembler(table.layout, FEATURES))).fit(rows)
    return PipelineModel([*assembly.stages, model])


def spark_scores(table: PreparedTable, model: Any, part: str) -> npt.NDArray[np.float64]:
    """Spark's own scores of a part, (n, outputs), in the order of the part's rows."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    column = (
        F.array("prediction")
        if table.layout.task == "regression"
        else vector_to_array(F.col("probability"))
    )
    with assembled(table, part) as rows:
        scored = model.transform(rows).select(column.alias("scores")).toPandas()
    scores = np.stack(scored["scores"].to_numpy())
    return scores[:, 1:] if table.layout.binary else scores


def saved(model: Any) -> "Path":
    """Saves a Spark ML model into a fresh local folder, for reading its data without the JVM."""
    folder = Path(tempfile.mkdtemp(prefix="throughline-model-"))
    shutil.rmtree(folder)
    model.write().overwrite().save(folder.as_uri())
    return folder


def refused_by_spark(family: str) -> AbstractContextManager[None]:
    """Turns Spark's refusal of a parameter's value, in the block, into a user's mistake."""
    from pyspark.errors import IllegalArgumentException

    return refused_values(family, (IllegalArgumentException, TypeError))


def log_native(table: PreparedTable, model: Any) -> None:
    """Logs the whole pipeline in MLflow's Spark flavor, in the active run."""
    import mlflow.spark
    import pyspark

    mlflow.spark.log_model(
        whole_pipeline(table, model),
        artifact_path="native",
        pip_requirements=[f"pyspark=={pyspark.__version__}"],
    )


def explained(estimator: Any) -> dict[str, Any]:
    """The parameters of a Spark ML estimator that are set or have a default, by name."""
    return {
        param.name: value
        for param, value in estimator.extractParamMap().items()
        if param.name not in ("featuresCol", "labelCol", "predictionCol", "rawPredictionCol")
    }
