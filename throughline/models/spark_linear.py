"""Spark ML's linear and logistic regression, served as a small ONNX graph."""

from typing import Any, ClassVar

import numpy as np

from throughline.features.layout import Layout
from throughline.models.estimator import OnnxEstimator
from throughline.models.family import Parameters, Trained, refuse_missing, with_defaults
from throughline.models.linear_graph import Weights, linear_graph, linear_importances
from throughline.models.spark_training import (
    assembled,
    columns_of,
    log_native,
    refused_by_spark,
    rows_scored_otherwise,
)
from throughline.prepared import PreparedTable


class SparkLinear:
    """Linear regression, or logistic regression for a classification; Spark's parameter names."""

    name: ClassVar[str] = "spark_linear"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """A light ridge penalty."""
        return {"maxIter": 100, "regParam": 1e-4, "elasticNetParam": 0.0, "tol": 1e-6}

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Fits the coefficients; no value may be missing."""
        refuse_missing(self.name, table)
        chosen = with_defaults(self, table, parameters)
        model = _fit(table, chosen)
        weights, intercepts = _coefficients(model, table.layout)
        estimator = OnnxEstimator(linear_graph(weights, intercepts, table.layout), table.layout)
        differ = rows_scored_otherwise(table, model, estimator)
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances=linear_importances(weights, table),
            log_native=lambda: log_native(table, model),
            metrics={"rows_scored_otherwise": differ},
        )


def _fit(table: PreparedTable, parameters: Parameters) -> Any:
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.regression import LinearRegression

    kind = LinearRegression if table.layout.task == "regression" else LogisticRegression
    with assembled(table, "train") as rows, refused_by_spark(SparkLinear.name):
        return kind(**columns_of(table.layout), **parameters).fit(rows)


def _coefficients(model: Any, layout: Layout) -> tuple[Weights, Weights]:
    """Weights of shape (width, outputs) and intercepts of shape (outputs,)."""
    if layout.task == "regression":
        return model.coefficients.toArray()[:, np.newaxis], np.array([model.intercept])
    return model.coefficientMatrix.toArray().T, model.interceptVector.toArray()
