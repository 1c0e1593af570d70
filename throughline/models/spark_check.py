"""Spark's own figures of a model: its scores against the served ones, and its evaluators'."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.features.op import quoted
from throughline.models.estimator import Estimator
from throughline.models.served_check import CHECKED_ROWS, rows_apart
from throughline.models.spark_pipeline import part_on_spark
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_SCORES = "__scores"


def rows_scored_otherwise(table: PreparedTable, model: Any, estimator: Estimator) -> float:
    """How many of the first test rows Spark's pipeline and the served estimator score apart.

    Both read the same float32 features.
    """
    from pyspark.sql import functions as F

    names = [feature.name for feature in table.layout.features]
    scored = model.transform(part_on_spark(table, "test").limit(CHECKED_ROWS))
    columns = [F.col(quoted(name)) for name in names]
    found = scored.select(*columns, _scores(table.layout).alias(_SCORES)).toPandas()
    served = estimator.predict({name: found[name].to_numpy() for name in names})
    return rows_apart(np.stack(list(found[_SCORES]))[:, -served.shape[1] :], served)


def evaluators(layout: Layout) -> dict[str, Any]:
    """Spark ML's evaluators, by the names that the metrics have here.

    What Spark counts in another way (its F1 weighs the classes, its area under the precision-recall
    curve joins the points) is left out.
    """
    from pyspark.ml.evaluation import (
        BinaryClassificationEvaluator,
        MulticlassClassificationEvaluator,
        RegressionEvaluator,
    )

    label = layout.label
    if layout.task == "regression":
        names: tuple[Literal["rmse", "mae", "r2"], ...] = ("rmse", "mae", "r2")
        return {name: RegressionEvaluator(labelCol=label, metricName=name) for name in names}
    log_loss = MulticlassClassificationEvaluator(
        labelCol=label,
        metricName="logLoss",  # type: ignore[arg-type]  # pyspark's types lack it
        eps=float(np.finfo(np.float64).eps),  # for a probability of 0, as scikit-learn has it
    )
    if not layout.binary:
        accuracy = MulticlassClassificationEvaluator(labelCol=label, metricName="accuracy")
        return {"log_loss": log_loss, "accuracy": accuracy}
    roc_auc = BinaryClassificationEvaluator(
        rawPredictionCol="probability",
        labelCol=label,
        numBins=0,  # every row a point of the curve, where Spark's own choice is 1,000 bins
    )
    return {"log_loss": log_loss, "roc_auc": roc_auc}


def evaluator_of(metric: str, layout: Layout) -> Any:
    """Spark ML's evaluator for a recipe's metric, where it has one.

    Of the area under the precision-recall curve it has another than here: it joins the points.

    Raises:
        UserError: If it has none.
    """
    from pyspark.ml.evaluation import (
        BinaryClassificationEvaluator,
        MulticlassClassificationEvaluator,
    )

    known = evaluators(layout)
    if layout.classes:
        known["accuracy"] = MulticlassClassificationEvaluator(
            labelCol=layout.label, metricName="accuracy"
        )
    if layout.binary:
        known["pr_auc"] = BinaryClassificationEvaluator(
            rawPredictionCol="probability",
            labelCol=layout.label,
            metricName="areaUnderPR",
            numBins=0,
        )
    if metric not in known:
        raise UserError(
            f"Spark's evaluators do not compute {metric!r} for this label; set the recipe's metric "
            f"to one of {', '.join(sorted(known))}, or tune by method=hyperopt."
        )
    return known[metric]


def figures_by_spark(table: PreparedTable, model: Any) -> dict[str, float]:
    """What Spark ML's evaluators say of the test rows, as ``spark_test_<metric>``."""
    scored: DataFrame = model.transform(part_on_spark(table, "test"))
    kept = ["prediction", *(["probability"] if table.layout.classes else [])]
    scored = scored.select(table.layout.label, *kept).cache()
    try:
        return {
            f"spark_test_{name}": float(evaluator.evaluate(scored))
            for name, evaluator in evaluators(table.layout).items()
        }
    finally:
        scored.unpersist()


def _scores(layout: Layout) -> "Column":
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    if layout.task == "regression":
        return F.array("prediction")
    return vector_to_array(F.col("probability"))
