"""An ONNX graph of an estimator, checked before it is used."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.features.assembly import wide_names
from throughline.features.layout import Layout

if TYPE_CHECKING:
    import onnx

OPSET = 17
TREES_OPSET = 3
IR_VERSION = 8


def graph_of(
    nodes: "Sequence[onnx.NodeProto]",
    constants: "Sequence[onnx.TensorProto]",
    inputs: "Sequence[onnx.ValueInfoProto]",
    layout: Layout,
    trees_opset: int = TREES_OPSET,
    more: "Sequence[onnx.ValueInfoProto]" = (),
) -> bytes:
    """Builds a model that ends in ``scores``, float32 (n, outputs).

    Args:
        nodes: The nodes in order.
        constants: The nodes' constants.
        inputs: What the model reads.
        layout: The layout of the prepared table.
        trees_opset: The operator set of ``ai.onnx.ml``, from which the nodes of trees are.
        more: Further outputs that the nodes make.
    """
    import onnx
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        list(nodes),
        "estimator",
        list(inputs),
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", layout.outputs]),
            *more,
        ],
        list(constants),
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", trees_opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def narrow_input(layout: Layout) -> "list[onnx.ValueInfoProto]":
    """The input ``features``: the narrow matrix, float32 (n, features)."""
    return [_features(len(layout.features))]


def wide_input(layout: Layout) -> "list[onnx.ValueInfoProto]":
    """The input ``features``: the wide matrix, float32 (n, width)."""
    return [_features(len(wide_names(layout)))]


def split_inputs(layout: Layout) -> "list[onnx.ValueInfoProto]":
    """The inputs ``numeric``, float32 (n, k), and ``categories``, int64 (n, c)."""
    from onnx import TensorProto, helper

    numeric, categories = len(layout.numeric), len(layout.categories)
    return [
        helper.make_tensor_value_info("numeric", TensorProto.FLOAT, ["rows", numeric]),
        helper.make_tensor_value_info("categories", TensorProto.INT64, ["rows", categories]),
    ]


def _features(width: int) -> "onnx.ValueInfoProto":
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", width])
