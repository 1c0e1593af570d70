"""A network of Keras as an ONNX graph, made from its weights.

Keras' own export fixes the number of rows on torch, and wants packages that serving does not need.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from throughline.features.layout import Layout
from throughline.models.keras_network import DENSE, EMBEDDING, NORM
from throughline.models.onnx_graph import graph_of, split_inputs

if TYPE_CHECKING:
    import onnx


class _Graph:
    """The nodes and constants so far."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(
        self, kind: str, *inputs: "str | npt.NDArray[Any]", to: str = "", **attributes: Any
    ) -> str:
        """Adds a node; an input that is an array becomes a constant. Returns the output's name."""
        from onnx import helper

        output = to or f"{kind.lower()}_{len(self.nodes)}"
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self.nodes.append(helper.make_node(kind, names, [output], **attributes))
        return output

    def _constant(self, values: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name


def keras_graph(network: Any, layout: Layout, target: tuple[float, float]) -> bytes:
    """The ONNX model of a network, from ``numeric`` and ``categories`` to ``scores``.

    Args:
        network: What :func:`throughline.models.keras_network.build` made, trained.
        layout: The layout of the prepared table.
        target: The mean and the deviation of the training label, of a regression.
    """
    graph = _Graph()
    parts = [_normalised(graph, network.get_layer(NORM))] if layout.numeric else []
    for i in range(len(layout.categories)):
        (vectors,) = network.get_layer(f"{EMBEDDING}_{i}").get_weights()
        codes = graph.add("Gather", "categories", np.array(i, dtype=np.int64), axis=1)
        parts.append(graph.add("Gather", vectors, codes, axis=0))
    values = graph.add("Concat", *parts, axis=1)
    dense = [layer for layer in network.layers if layer.name.startswith(f"{DENSE}_")]
    for i, layer in enumerate(dense):
        if i:
            values = graph.add("Relu", values)
        kernel, bias = layer.get_weights()
        values = graph.add("Gemm", values, kernel, bias)
    if layout.task == "regression":
        mean, deviation = (np.array(value, dtype=np.float32) for value in target)
        graph.add("Add", graph.add("Mul", values, deviation), mean, to="scores")
    elif layout.binary:
        graph.add("Sigmoid", values, to="scores")
    else:
        graph.add("Softmax", values, to="scores", axis=1)
    return graph_of(graph.nodes, graph.constants, split_inputs(layout), layout)


def _normalised(graph: _Graph, norm: Any) -> str:
    """Batch norm at its running statistics: a factor and a shift for each number."""
    gamma, beta, mean, variance = norm.get_weights()
    factor = gamma / np.sqrt(variance + norm.epsilon)
    shift = beta - mean * factor
    scaled = graph.add("Mul", "numeric", factor.astype(np.float32))
    return graph.add("Add", scaled, shift.astype(np.float32))
