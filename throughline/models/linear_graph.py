"""A linear or logistic regression as a small ONNX graph."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughline.features.assembly import wide_names
from throughline.features.layout import Layout
from throughline.models.onnx_graph import graph_of
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    import onnx

Weights = npt.NDArray[np.float64]


def linear_graph(weights: Weights, intercepts: Weights, layout: Layout) -> bytes:
    """From ``features`` to ``scores`` in double precision; only what comes out is float32.

    Args:
        weights: Of shape (width, outputs).
        intercepts: Of shape (outputs,).
        layout: The layout of the prepared table.
    """
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


def linear_importances(weights: Weights, table: PreparedTable) -> dict[str, float]:
    """The size of a feature's share of the margin: weight times deviation, over all its columns."""
    columns = table.columns("validation")
    found: dict[str, float] = {}
    for name, weight in zip(wide_names(table.layout), np.abs(weights).mean(axis=1), strict=True):
        feature, _, code = name.rpartition("=") if name not in columns else (name, "", "")
        values = columns[feature] == int(code) if code else columns[feature]
        found[feature] = found.get(feature, 0.0) + float(weight * np.std(values))
    return found
