"""Spark ML's trees, read from a saved model without the JVM."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from throughline.features.layout import Layout
from throughline.models.tree_ensemble import Leaf, Split, ensemble_graph


def boosted_trees_graph(folder: Path, layout: Layout) -> bytes:
    """The ONNX model of a saved GBT model.

    A boosted classifier's margin m gives the probability 1 / (1 + exp(-2 m)) (Friedman, "Greedy
    function approximation", 2001, the loss that Spark's GBTClassifier uses).

    Args:
        folder: Where the Spark ML model is saved.
        layout: The layout of the prepared table that it was trained on.
    """
    weights = _weights(folder)

    def value(tree: int, node: dict[str, Any]) -> list[float]:
        return [node["prediction"] * weights[tree]]

    nodes = [_node(tree, node, value) for tree, node in _saved_nodes(folder)]
    return ensemble_graph(nodes, layout, margin_times=2.0 if layout.binary else None)


def forest_graph(folder: Path, layout: Layout) -> bytes:
    """The ONNX model of a saved decision tree or random forest: the mean of its trees.

    A leaf of a classifier tells the shares of its training rows' classes.

    Args:
        folder: Where the Spark ML model is saved.
        layout: The layout of the prepared table that it was trained on.
    """
    saved = list(_saved_nodes(folder))
    trees = len({tree for tree, _ in saved})

    def value(_tree: int, node: dict[str, Any]) -> list[float]:
        if layout.task == "regression":
            return [node["prediction"] / trees]
        counts = node["impurityStats"]
        shares = [count / sum(counts) / trees for count in counts]
        return shares[1:] if layout.binary else shares

    return ensemble_graph([_node(tree, node, value) for tree, node in saved], layout)


def _saved_nodes(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The nodes of all trees: Spark saves them as one table, those of a single tree bare."""
    for row in _rows(folder / "data"):
        yield (int(row["treeID"]), row["nodeData"]) if "nodeData" in row else (0, row)


def _weights(folder: Path) -> dict[int, float]:
    return {int(row["treeID"]): float(row["weights"]) for row in _rows(folder / "treesMetadata")}


def _node(tree: int, node: dict[str, Any], value: Any) -> Split | Leaf:
    if node["leftChild"] < 0:
        return Leaf(tree, node["id"], value(tree, node))
    threshold, swapped = _threshold(node["split"])
    children = (node["leftChild"], node["rightChild"])
    low, high = children[::-1] if swapped else children
    return Split(tree, node["id"], node["split"]["featureIndex"], threshold, low, high)


def _threshold(split: dict[str, Any]) -> tuple[float, bool]:
    """The threshold of a split, and whether its children change places.

    A widened category is a column of 0 and 1, which Spark splits by the category that goes left.
    """
    values = list(split["leftCategoriesOrThreshold"])
    if split["numCategories"] == -1:
        return float(values[0]), False
    if split["numCategories"] == 2 and len(values) == 1:
        return 0.5, values == [1.0]
    raise ValueError(f"a split on several categories has no threshold: {split}")


def _rows(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(folder).to_pylist()
    return found
