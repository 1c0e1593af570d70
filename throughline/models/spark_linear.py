"""Spark ML's linear and logistic regression, served as a small ONNX graph."""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from throughline.features.assembly import wide_names
from throughline.features.layout import Layout
from throughline.models.estimator import OnnxEstimator
from throughline.models.family import Parameters, Trained, refuse_missing, with_defaults
from throughline.models.onnx_graph import graph_of
from throughline.models.spark_training import (
    assembled,
    columns_of,
    log_native,
    refused_by_spark,
    rows_scored_otherwise,
)
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    import onnx


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
        estimator = OnnxEstimator(_graph(weights, intercepts, table.layout), table.layout)
        differ = rows_scored_otherwise(table, model, estimator)
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances=_importances(weights, table),
            log_native=lambda: log_native(table, model),
            metrics={"rows_scored_otherwise": differ},
        )


def _fit(table: PreparedTable, parameters: Parameters) -> Any:
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.regression import LinearRegression

    kind = LinearRegression if table.layout.task == "regression" else LogisticRegression
    with assembled(table, "train") as rows, refused_by_spark(SparkLinear.name):
        return kind(**columns_of(table.layout), **parameters).fit(rows)


def _coefficients(
    model: Any, layout: Layout
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weights of shape (width, outputs) and intercepts of shape (outputs,)."""
    if layout.task == "regression":
        return model.coefficients.toArray()[:, np.newaxis], np.array([model.intercept])
    return model.coefficientMatrix.toArray().T, model.interceptVector.toArray()


def _graph(
    weights: npt.NDArray[np.float64], intercepts: npt.NDArray[np.float64], layout: Layout
) -> bytes:
    """In double precision, as Spark computes; only what comes out is float32."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["features"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("MatMul", ["wide", "weights"], ["product"]),
        helper.make_node("Add", ["product", "intercepts"], ["margin"]),
    ]
    if layout.task == "regression":
        nodes.append(helper.make_node("Identity", ["margin"], ["exact"]))
    elif layout.binary:
        nodes.append(helper.make_node("Sigmoid", ["margin"], ["exact"]))
    else:
        nodes.append(helper.make_node("Softmax", ["margin"], ["exact"], axis=1))
    nodes.append(helper.make_node("Cast", ["exact"], ["scores"], to=TensorProto.FLOAT))
    constants: list[onnx.TensorProto] = [
        numpy_helper.from_array(weights.astype(np.float64), "weights"),
        numpy_helper.from_array(intercepts.astype(np.float64), "intercepts"),
    ]
    return graph_of(nodes, constants, width=len(weights), outputs=layout.outputs)


def _importances(weights: npt.NDArray[np.float64], table: PreparedTable) -> dict[str, float]:
    """The size of a feature's share of the margin: weight times deviation, over all its columns."""
    columns = table.columns("validation")
    found: dict[str, float] = {}
    for name, weight in zip(wide_names(table.layout), np.abs(weights).mean(axis=1), strict=True):
        feature, _, code = name.rpartition("=") if name not in columns else (name, "", "")
        values = columns[feature] == int(code) if code else columns[feature]
        found[feature] = found.get(feature, 0.0) + float(weight * np.std(values))
    return found
