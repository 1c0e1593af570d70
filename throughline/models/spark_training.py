"""Training a Spark ML estimator on a prepared table, and what it leaves for serving."""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.features.assembly import spark_assembler, with_category_sizes
from throughline.features.layout import Layout
from throughline.features.op import quoted
from throughline.models.estimator import Estimator
from throughline.models.family import refused_values
from throughline.prepared import PreparedTable
from throughline.spark import session

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import Column, DataFrame

logger = logging.getLogger(__name__)

FEATURES = "features"
_SCORES = "__scores"


@contextmanager
def assembled(table: PreparedTable, part: str) -> "Iterator[DataFrame]":
    """A part as Spark ML wants it: one vector column, label and weight; cached meanwhile."""
    from pyspark.ml import Pipeline
    from pyspark.sql import functions as F

    rows = with_category_sizes(table.on_spark(session(), part), table.layout)
    rows = rows.withColumn(table.layout.label, F.col(table.layout.label).cast("double"))
    pipeline = Pipeline(stages=list(spark_assembler(table.layout, FEATURES))).fit(rows)
    names = [FEATURES, table.layout.label]
    if part == "train" and table.layout.weight:
        rows = rows.withColumn(table.layout.weight, F.col(table.layout.weight).cast("double"))
        names.append(table.layout.weight)
    vectors = pipeline.transform(rows).select(names).cache()
    try:
        yield vectors
    finally:
        vectors.unpersist()


def columns_of(layout: Layout) -> dict[str, Any]:
    """The parameters of a Spark ML estimator that name the columns of :func:`assembled`."""
    weight = {"weightCol": layout.weight} if layout.weight else {}
    return {"featuresCol": FEATURES, "labelCol": layout.label, **weight}


def whole_pipeline(table: PreparedTable, model: Any) -> "PipelineModel":
    """Assembly and model as one pipeline over prepared columns, to log in Spark's own flavor."""
    from pyspark.ml import Pipeline, PipelineModel

    rows = with_category_sizes(table.on_spark(session(), "train"), table.layout)
    assembly = Pipeline(stages=list(spark_assembler(table.layout, FEATURES))).fit(rows)
    return PipelineModel([*assembly.stages, model])


def rows_scored_otherwise(
    table: PreparedTable, model: Any, estimator: Estimator, limit: int = 10_000
) -> float:
    """How many of the first test rows Spark and the served estimator score more than 1e-4 apart."""
    from pyspark.sql import functions as F

    rows = with_category_sizes(table.on_spark(session(), "test"), table.layout).limit(limit)
    names = [feature.name for feature in table.layout.features]
    columns = [F.col(quoted(name)) for name in names]
    scored = whole_pipeline(table, model).transform(rows)
    found = scored.select(*columns, _scores(table).alias(_SCORES)).toPandas()
    served = estimator.predict({name: found[name].to_numpy() for name in names})
    apart = np.abs(np.stack(list(found[_SCORES]))[:, -served.shape[1] :] - served)
    differ = float((apart > 1e-4).any(axis=1).sum())
    if differ:
        logger.warning("%d rows are scored differently when served", differ)
    return differ


def _scores(table: PreparedTable) -> "Column":
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    if table.layout.task == "regression":
        return F.array("prediction")
    return vector_to_array(F.col("probability"))


@contextmanager
def saved(model: Any) -> Iterator[Path]:
    """A Spark ML model in a local folder meanwhile, for reading its data without the JVM."""
    with tempfile.TemporaryDirectory(prefix="throughline-model-") as folder:
        model.write().overwrite().save(Path(folder).as_uri())
        yield Path(folder)


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
