"""scikit-learn's random forest."""

from collections.abc import Iterator
from typing import Any, ClassVar

from throughline.features.assembly import summed_by_feature
from throughline.features.layout import Layout
from throughline.models.sklearn_family import CORES, SklearnFamily
from throughline.models.tree_ensemble import Leaf, Split, ensemble_graph
from throughline.prepared import PreparedTable


class SklearnForest(SklearnFamily):
    """The mean of trees that are grown on samples of the rows and of the columns."""

    name: ClassVar[str] = "sklearn_forest"
    trusted: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """A hundred trees of depth twelve: deeper ones are hundreds of MB and little better."""
        return {
            "n_estimators": 100,
            "max_depth": 12,
            "min_samples_leaf": 20,
            "max_features": 1 / 3 if table.layout.task == "regression" else "sqrt",
            "bootstrap": True,
            "max_samples": None,
            "n_jobs": CORES,
            "random_state": 7,
        }

    def learner(self, layout: Layout) -> Any:
        """scikit-learn's class."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        return RandomForestRegressor if layout.task == "regression" else RandomForestClassifier

    def graph(self, model: Any, layout: Layout) -> bytes:
        """All trees as one ensemble."""
        return ensemble_graph(_nodes(model, layout), layout)

    def importances(self, model: Any, table: PreparedTable) -> dict[str, float]:
        """The impurity that the splits on a feature took away."""
        return summed_by_feature(model.feature_importances_, table.layout)


def _nodes(model: Any, layout: Layout) -> Iterator[Split | Leaf]:
    trees = len(model.estimators_)
    for number, grown in enumerate(model.estimators_):
        tree = grown.tree_
        for node, (low, high) in enumerate(
            zip(tree.children_left, tree.children_right, strict=True)
        ):
            if low < 0:
                values = tree.value[node, 0] / trees  # of a classifier: the classes' shares
                yield Leaf(number, node, values[1:] if layout.binary else values)
                continue
            missing_is_low = bool(tree.missing_go_to_left[node])
            feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
            yield Split(number, node, feature, threshold, int(low), int(high), missing_is_low)
