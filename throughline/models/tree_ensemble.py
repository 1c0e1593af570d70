"""Trees as one ONNX tree ensemble, which splits each float32 row as the trees' own library does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.features.layout import Layout
from throughline.models.onnx_graph import graph_of, wide_input

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Split:
    """A node that sends a row to ``low`` if its feature is at most the threshold, else to ``high``.

    Attributes:
        tree: The tree's number.
        node: The node's number in its tree.
        feature: The index of the column in the wide matrix.
        threshold: The threshold, in double precision.
        low: The node for values up to the threshold.
        high: The node for values above it.
        missing_is_low: Whether a missing value goes to ``low`` too.
    """

    tree: int
    node: int
    feature: int
    threshold: float
    low: int
    high: int
    missing_is_low: bool = False


@dataclass(frozen=True)
class Leaf:
    """A node without children.

    Attributes:
        tree: The tree's number.
        node: The node's number in its tree.
        values: What it adds to each output.
    """

    tree: int
    node: int
    values: Sequence[float]


def ensemble_graph(
    nodes: Iterable[Split | Leaf],
    layout: Layout,
    *,
    base: Sequence[float] = (),
    margin_times: float | None = None,
) -> bytes:
    """The sum of all trees' leaves as an ONNX model, from ``features`` to ``scores``.

    Args:
        nodes: The nodes of all trees.
        layout: The layout of the prepared table that the trees were trained on.
        base: What every row starts from, for each output; zero if left out.
        margin_times: Where the sum is a margin and not a score: the factor before the logistic
            function, or for more than two classes before the softmax.
    """
    from onnx import helper, numpy_helper

    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["sum"],
        domain="ai.onnx.ml",
        n_targets=layout.outputs,
        aggregate_function="SUM",
        **_attributes(nodes),
        base_values=[float(value) for value in base] or [0.0] * layout.outputs,
    )
    constants: list[onnx.TensorProto] = []
    if margin_times is None:
        last = [helper.make_node("Identity", ["sum"], ["scores"])]
    else:
        factor = np.array([margin_times], dtype=np.float32)
        constants.append(numpy_helper.from_array(factor, "factor"))
        link: dict[str, Any] = (
            {"op_type": "Sigmoid"} if layout.outputs == 1 else {"op_type": "Softmax", "axis": 1}
        )
        last = [
            helper.make_node("Mul", ["sum", "factor"], ["margin"]),
            helper.make_node(inputs=["margin"], outputs=["scores"], **link),
        ]
    return graph_of([ensemble, *last], constants, wide_input(layout), layout)


def float32_at_most(threshold: float) -> float:
    """The greatest float32 that is not above ``threshold``.

    For a float32 x, ``x <= threshold`` and ``x <= float32_at_most(threshold)`` are the same;
    rounding to the nearest would move rows that lie on a split.
    """
    near = np.float32(threshold)
    return float(np.nextafter(near, np.float32(-np.inf)) if float(near) > threshold else near)


def _attributes(nodes: Iterable[Split | Leaf]) -> dict[str, Any]:
    """The attributes of ONNX's TreeEnsembleRegressor (operator set ai.onnx.ml 3)."""
    found: dict[str, list[Any]] = {}

    def add(**values: Any) -> None:
        for name, value in values.items():
            found.setdefault(name, []).append(value)

    for node in nodes:
        split = node if isinstance(node, Split) else Split(node.tree, node.node, 0, 0.0, 0, 0)
        add(
            nodes_treeids=split.tree,
            nodes_nodeids=split.node,
            nodes_featureids=split.feature,
            nodes_values=float32_at_most(split.threshold),
            nodes_modes="BRANCH_LEQ" if split is node else "LEAF",
            nodes_truenodeids=split.low,
            nodes_falsenodeids=split.high,
            nodes_missing_value_tracks_true=int(split.missing_is_low),
        )
        if isinstance(node, Leaf):
            for output, value in enumerate(node.values):
                add(
                    target_treeids=node.tree,
                    target_nodeids=node.node,
                    target_ids=output,
                    target_weights=float(value),
                )
    return found
