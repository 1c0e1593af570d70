"""Spark ML's linear and logistic regression."""

from typing import Any, ClassVar

import numpy as np

from throughline.features.layout import Layout
from throughline.models.dense_graph import Dense, dense_graph
from throughline.models.linear_importances import linear_importances
from throughline.models.spark_family import SparkFamily
from throughline.prepared import PreparedTable


class SparkLinear(SparkFamily):
    """Linear regression, or logistic regression for a classification."""

    name: ClassVar[str] = "spark_linear"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """A light ridge penalty."""
        return {"maxIter": 100, "regParam": 1e-4, "elasticNetParam": 0.0, "tol": 1e-6}

    def kind(self, layout: Layout) -> Any:
        """Spark's class of estimators."""
        from pyspark.ml.classification import LogisticRegression
        from pyspark.ml.regression import LinearRegression

        return LinearRegression if layout.task == "regression" else LogisticRegression

    def graph(self, model: Any, layout: Layout) -> bytes:
        """The coefficients as a graph."""
        return dense_graph([_coefficients(model, layout)], layout)

    def importances(self, model: Any, table: PreparedTable) -> dict[str, float]:
        """By the size of the coefficients."""
        return linear_importances(_coefficients(model, table.layout)[0], table)


def _coefficients(model: Any, layout: Layout) -> Dense:
    if layout.task == "regression":
        return model.coefficients.toArray()[:, np.newaxis], np.array([model.intercept])
    return model.coefficientMatrix.toArray().T, model.interceptVector.toArray()
