"""Spark ML's trees as one ONNX tree ensemble that splits every float32 row as Spark does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.features.assembly import wide_names
from throughline.features.layout import Layout
from throughline.models.onnx_graph import graph_of

if TYPE_CHECKING:
    import pyarrow as pa


def boosted_trees_graph(folder: Path, layout: Layout) -> bytes:
    """Reads a saved GBT model and builds its graph.

    Spark saves the nodes of all trees as one table (``data``) and the trees' weights as another
    (``treesMetadata``). A boosted classifier's margin m gives the probability 1 / (1 + exp(-2 m))
    (Friedman, "Greedy function approximation", 2001, the loss that Spark's GBTClassifier uses).

    Args:
        folder: Where the Spark ML model is saved.
        layout: The layout of the prepared table that it was trained on.

    Returns:
        The ONNX model, from ``features`` to ``scores``.
    """
    from onnx import helper, numpy_helper

    weights = {
        int(row["treeID"]): float(row["weights"])
        for row in _table(folder / "treesMetadata").to_pylist()
    }
    ensemble = _ensemble(_table(folder / "data").to_pylist(), weights)
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor",
            ["features"],
            ["margin"],
            domain="ai.onnx.ml",
            n_targets=1,
            aggregate_function="SUM",
            **ensemble,
        )
    ]
    constants = []
    if layout.binary:
        constants = [numpy_helper.from_array(np.array([2.0], dtype=np.float32), "two")]
        nodes.append(helper.make_node("Mul", ["margin", "two"], ["doubled"]))
        nodes.append(helper.make_node("Sigmoid", ["doubled"], ["scores"]))
    else:
        nodes.append(helper.make_node("Identity", ["margin"], ["scores"]))
    return graph_of(nodes, constants, width=len(wide_names(layout)), outputs=1)


def float32_at_most(threshold: float) -> float:
    """The greatest float32 that is not above ``threshold``.

    For a float32 x, ``x <= threshold`` and ``x <= float32_at_most(threshold)`` are the same;
    rounding to the nearest would move rows that lie on a split.
    """
    near = np.float32(threshold)
    return float(np.nextafter(near, np.float32(-np.inf)) if float(near) > threshold else near)


def _ensemble(nodes: list[dict[str, Any]], weights: dict[int, float]) -> dict[str, Any]:
    """The attributes of ONNX's TreeEnsembleRegressor (operator set ai.onnx.ml 3)."""
    names = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    found: dict[str, list[Any]] = {f"nodes_{name}": [] for name in names}
    leaves: dict[str, list[Any]] = {
        f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")
    }
    for row in nodes:
        tree, node = int(row["treeID"]), row["nodeData"]
        leaf = node["leftChild"] < 0
        threshold, swapped = (0.0, False) if leaf else _threshold(node["split"])
        children = (node["leftChild"], node["rightChild"])
        low, high = children[::-1] if swapped else children
        values = (
            tree,
            node["id"],
            0 if leaf else node["split"]["featureIndex"],
            threshold,
            "LEAF" if leaf else "BRANCH_LEQ",
            0 if leaf else low,
            0 if leaf else high,
        )
        for name, value in zip(names, values, strict=True):
            found[f"nodes_{name}"].append(value)
        if leaf:
            leaf_values = (tree, node["id"], 0, node["prediction"] * weights[tree])
            for column, value in zip(leaves.values(), leaf_values, strict=True):
                column.append(value)
    return {**found, **leaves}


def _threshold(split: dict[str, Any]) -> tuple[float, bool]:
    """The threshold of a split, and whether its children change places.

    A widened category is a column of 0 and 1, which Spark splits by the category that goes left.
    """
    values = list(split["leftCategoriesOrThreshold"])
    if split["numCategories"] == -1:
        return float32_at_most(values[0]), False
    if split["numCategories"] == 2 and len(values) == 1:
        return 0.5, values == [1.0]
    raise ValueError(f"a split on several categories has no threshold: {split}")


def _table(folder: Path) -> "pa.Table":
    import pyarrow.parquet as pq

    return pq.read_table(folder)
