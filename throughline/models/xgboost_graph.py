"""XGBoost's trees as an ONNX graph over the narrow matrix, with splits on sets of categories."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from throughline.features.layout import Layout
from throughline.models.onnx_graph import graph_of, narrow_input

_TREES_OPSET = 5
_LESS, _MEMBER = 1, 6  # modes of ONNX's TreeEnsemble (ai.onnx.ml 5)
_SUM = 1

LINKS = {
    "reg:squarederror": "Identity",
    "reg:absoluteerror": "Identity",
    "reg:pseudohubererror": "Identity",
    "binary:logistic": "Sigmoid",
    "multi:softprob": "Softmax",
}
"""From the margin to the score, by XGBoost's objective."""


def xgboost_graph(booster: Any, layout: Layout) -> bytes | None:
    """The ONNX model of a booster up to its best iteration; None for an objective not in LINKS.

    The input ``features`` is the narrow matrix, the output ``scores``. The trees are read from
    XGBoost's own JSON (its documentation, "Introduction to Model IO").

    Args:
        booster: The booster.
        layout: The layout of the prepared table that it was trained on.
    """
    from onnx import helper, numpy_helper

    learner = json.loads(booster.save_raw("json"))["learner"]
    objective = learner["objective"]["name"]
    if objective not in LINKS:
        return None
    model = learner["gradient_booster"]["model"]
    best = booster.attr("best_iteration")
    last = -1 if best is None else int(best) + 1
    trees = _Trees()
    for number in range(model["iteration_indptr"][last]):
        trees.add(model["trees"][number], model["tree_info"][number])
    link = LINKS[objective]
    base = _base(learner["learner_model_param"]["base_score"], link, layout)
    nodes = [
        helper.make_node(
            "TreeEnsemble",
            ["features"],
            ["sum"],
            domain="ai.onnx.ml",
            n_targets=layout.outputs,
            aggregate_function=_SUM,
            **trees.attributes(),
        ),
        helper.make_node("Add", ["sum", "base"], ["margin"]),
        helper.make_node(link, ["margin"], ["scores"]),
    ]
    constants = [numpy_helper.from_array(base, "base")]
    return graph_of(nodes, constants, narrow_input(layout), layout, _TREES_OPSET)


def _base(text: str, link: str, layout: Layout) -> np.ndarray:
    """What every row's margin starts from; XGBoost keeps it as a probability of two classes."""
    values = np.ravel(json.loads(text)).astype(np.float64)
    if link == "Sigmoid":
        values = np.array([math.log(value / (1 - value)) for value in values])
    return np.broadcast_to(values, (layout.outputs,)).astype(np.float32)


@dataclass
class _Trees:
    """The attributes of ONNX's TreeEnsemble: inner nodes and leaves in two tables."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    true_ids: list[int] = field(default_factory=list)
    true_leaves: list[int] = field(default_factory=list)
    false_ids: list[int] = field(default_factory=list)
    false_leaves: list[int] = field(default_factory=list)
    missing_is_true: list[int] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, tree: Mapping[str, Any], target: int) -> None:
        """Adds a tree of XGBoost's JSON, which counts for one output."""
        low = tree["left_children"]
        inner = [node for node in range(len(low)) if low[node] >= 0]
        leaves = [node for node in range(len(low)) if low[node] < 0]
        place = {node: len(self.modes) + i for i, node in enumerate(inner)}
        place |= {node: len(self.weights) + i for i, node in enumerate(leaves)}
        self.roots.append(len(self.modes))
        for node in inner:
            self._add_split(tree, node, place)
        if not inner:  # a root without children: a split whose sides are the same
            self._add_node(0, _LESS, 0.0, (place[0], 1), (place[0], 1), 0)
        self.targets += [target] * len(leaves)
        self.weights += [tree["split_conditions"][leaf] for leaf in leaves]

    def _add_split(self, tree: Mapping[str, Any], node: int, place: Mapping[int, int]) -> None:
        children = (tree["left_children"][node], tree["right_children"][node])
        low, high = ((place[c], int(tree["left_children"][c] < 0)) for c in children)
        feature, missing_is_low = tree["split_indices"][node], int(tree["default_left"][node])
        if not tree["split_type"][node]:
            threshold = tree["split_conditions"][node]
            self._add_node(feature, _LESS, threshold, low, high, missing_is_low)
            return
        at = tree["categories_nodes"].index(node)
        start = tree["categories_segments"][at]
        members = tree["categories"][start : start + tree["categories_sizes"][at]]
        self.members += [*map(float, members), math.nan]
        self._add_node(feature, _MEMBER, 0.0, high, low, 1 - missing_is_low)

    def _add_node(
        self,
        feature: int,
        mode: int,
        split: float,
        true: tuple[int, int],
        false: tuple[int, int],
        missing_is_true: int,
    ) -> None:
        self.features.append(feature)
        self.modes.append(mode)
        self.splits.append(split)
        self.true_ids.append(true[0])
        self.true_leaves.append(true[1])
        self.false_ids.append(false[0])
        self.false_leaves.append(false[1])
        self.missing_is_true.append(missing_is_true)

    def attributes(self) -> dict[str, Any]:
        """The attributes by ONNX's names."""
        from onnx import numpy_helper

        def tensor(values: list[Any], kind: type[np.generic]) -> Any:
            return numpy_helper.from_array(np.array(values, dtype=kind))

        members = {"membership_values": tensor(self.members, np.float32)} if self.members else {}
        return members | {
            "tree_roots": self.roots,
            "nodes_featureids": self.features,
            "nodes_modes": tensor(self.modes, np.uint8),
            "nodes_splits": tensor(self.splits, np.float32),
            "nodes_truenodeids": self.true_ids,
            "nodes_trueleafs": self.true_leaves,
            "nodes_falsenodeids": self.false_ids,
            "nodes_falseleafs": self.false_leaves,
            "nodes_missing_value_tracks_true": self.missing_is_true,
            "leaf_targetids": self.targets,
            "leaf_weights": tensor(self.weights, np.float32),
        }
