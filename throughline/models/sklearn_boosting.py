"""scikit-learn's histogram gradient boosting."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from throughline.features.assembly import summed_by_feature, wide_names
from throughline.features.layout import Layout
from throughline.models.sklearn_family import SklearnFamily, arrays
from throughline.models.tree_ensemble import Leaf, Split, ensemble_graph
from throughline.prepared import PreparedTable


class SklearnBoosting(SklearnFamily):
    """Gradient-boosted trees; the validation rows decide how many. Missing values are a side."""

    name: ClassVar[str] = "sklearn_boosting"
    trusted: ClassVar[tuple[str, ...]] = (
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    )

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """Slower to learn than scikit-learn's own, with more trees."""
        return {
            "learning_rate": 0.05,
            "max_iter": 500,
            "n_iter_no_change": 20,
            "max_leaf_nodes": 31,
            "max_depth": None,
            "min_samples_leaf": 20,
            "l2_regularization": 1.0,
            "max_features": 0.5,
            "max_bins": 255,
            "random_state": 7,
        }

    def learner(self, layout: Layout) -> Any:
        """scikit-learn's class."""
        from functools import partial

        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        regression = layout.task == "regression"
        kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        return partial(kind, early_stopping=True, scoring="loss")

    def fit(self, table: PreparedTable, learner: Any) -> Any:
        """Boosts until the validation rows show no gain for ``n_iter_no_change`` rounds."""
        rows, label, weight = arrays(table, "train")
        validation_rows, validation_label, _ = arrays(table, "validation")
        return learner.fit(
            rows, label, sample_weight=weight, X_val=validation_rows, y_val=validation_label
        )

    def graph(self, model: Any, layout: Layout) -> bytes:
        """All trees as one ensemble, with the logistic function or softmax of a classification."""
        margin_times = None if layout.task == "regression" else 1.0
        base = np.ravel(model._baseline_prediction).tolist()
        return ensemble_graph(_nodes(model, layout), layout, base=base, margin_times=margin_times)

    def importances(self, model: Any, table: PreparedTable) -> dict[str, float]:
        """The loss that the splits on a feature took away."""
        gains = np.zeros(len(wide_names(table.layout)))
        for _, nodes in _trees(model):
            splits = nodes[nodes["is_leaf"] == 0]
            np.add.at(gains, splits["feature_idx"], splits["gain"])
        return summed_by_feature(gains, table.layout)

    def metrics(self, model: Any) -> dict[str, float]:
        """How many rounds were boosted."""
        return {"boosting_rounds": float(model.n_iter_)}

    def settled(self, model: Any) -> dict[str, Any]:
        """As many rounds, without the patience to stop before."""
        return {"max_iter": int(model.n_iter_), "n_iter_no_change": int(model.n_iter_)}


def _trees(model: Any) -> Iterator[tuple[int, Any]]:
    """Each tree's output, and its nodes (scikit-learn's own table, which has no public name)."""
    for of_round in model._predictors:
        for output, tree in enumerate(of_round):
            yield output, tree.nodes


def _nodes(model: Any, layout: Layout) -> Iterator[Split | Leaf]:
    for number, (output, nodes) in enumerate(_trees(model)):
        for place, node in enumerate(nodes):
            if node["is_leaf"]:
                values = [0.0] * layout.outputs
                values[output] = float(node["value"])
                yield Leaf(number, place, values)
                continue
            yield Split(
                number,
                place,
                int(node["feature_idx"]),
                float(node["num_threshold"]),
                int(node["left"]),
                int(node["right"]),
                bool(node["missing_go_to_left"]),
            )
