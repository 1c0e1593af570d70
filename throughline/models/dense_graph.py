"""Dense layers over the wide matrix as a small ONNX graph: a linear model or a perceptron."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughline.features.layout import Layout
from throughline.models.estimator import CONTRIBUTIONS
from throughline.models.onnx_graph import graph_of, wide_input

if TYPE_CHECKING:
    import onnx

Weights = npt.NDArray[np.float64]
Dense = tuple[Weights, Weights]
"""The weights of a layer, of shape (inputs, outputs), and its intercepts, of shape (outputs,)."""


def dense_graph(layers: Sequence[Dense], layout: Layout) -> bytes:
    """From ``features`` to ``scores`` in double precision; only what comes out is float32.

    Of a single layer, what each column adds to the margin, weight times value, comes out as
    ``contributions``.

    Args:
        layers: The layers in order; the logistic function stands between them. The last one gives
            the value, the margin of the second class, or a margin for each class.
        layout: The layout of the prepared table.
    """
    from onnx import TensorProto, helper, numpy_helper

    nodes = [helper.make_node("Cast", ["features"], ["values_0"], to=TensorProto.DOUBLE)]
    constants: list[onnx.TensorProto] = []
    for i, (weights, intercepts) in enumerate(layers):
        if i:
            nodes.append(helper.make_node("Sigmoid", [f"margin_{i}"], [f"values_{i}"]))
        nodes += [
            helper.make_node("MatMul", [f"values_{i}", f"weights_{i}"], [f"product_{i}"]),
            helper.make_node("Add", [f"product_{i}", f"intercepts_{i}"], [f"margin_{i + 1}"]),
        ]
        constants += [
            numpy_helper.from_array(weights.astype(np.float64), f"weights_{i}"),
            numpy_helper.from_array(intercepts.astype(np.float64), f"intercepts_{i}"),
        ]
    margin = [f"margin_{len(layers)}"]
    if layout.task == "regression":
        nodes.append(helper.make_node("Identity", margin, ["exact"]))
    elif layout.binary:
        nodes.append(helper.make_node("Sigmoid", margin, ["exact"]))
    else:
        nodes.append(helper.make_node("Softmax", margin, ["exact"], axis=1))
    nodes.append(helper.make_node("Cast", ["exact"], ["scores"], to=TensorProto.FLOAT))
    if len(layers) > 1:
        return graph_of(nodes, constants, wide_input(layout), layout)
    (weights, _), *_ = layers
    nodes += [
        helper.make_node("Unsqueeze", ["values_0", "one"], ["rows"]),
        helper.make_node("Mul", ["rows", "by_output"], [CONTRIBUTIONS]),
    ]
    constants += [
        numpy_helper.from_array(weights.T.astype(np.float64), "by_output"),
        numpy_helper.from_array(np.array([1]), "one"),
    ]
    shape: list[str | int | None] = ["rows", layout.outputs, len(weights)]
    added = helper.make_tensor_value_info(CONTRIBUTIONS, TensorProto.DOUBLE, shape)
    return graph_of(nodes, constants, wide_input(layout), layout, more=[added])
