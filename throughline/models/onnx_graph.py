"""A small ONNX graph over the wide matrix, checked before it is used."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

OPSETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8


def graph_of(
    nodes: "Sequence[onnx.NodeProto]",
    constants: "Sequence[onnx.TensorProto]",
    width: int,
    outputs: int,
) -> bytes:
    """Builds a model from ``features`` (n, width) to ``scores`` (n, outputs), both float32."""
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        list(nodes),
        "estimator",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", outputs])],
        list(constants),
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())
