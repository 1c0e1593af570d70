"""Spark ML's gradient-boosted trees."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.models.spark_tree_family import SparkTreeFamily
from throughline.models.spark_trees import boosted_trees_graph
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    from pyspark.ml import Estimator


class SparkGbt(SparkTreeFamily):
    """Gradient-boosted trees for two classes or regression."""

    name: ClassVar[str] = "spark_gbt"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """Twenty trees of depth five, as Spark's own; a larger step."""
        return {
            **super().defaults(table),
            "maxIter": 20,
            "stepSize": 0.2,
            "subsamplingRate": 1.0,
            "featureSubsetStrategy": "all",
        }

    def graph_of_saved(self, folder: Path, layout: Layout) -> bytes:
        """The weighted sum of the trees, and of two classes its logistic function."""
        return boosted_trees_graph(folder, layout)

    def kind(self, layout: Layout) -> "type[Estimator[Any]]":
        """Spark's class of estimators; it tells only two classes apart."""
        from pyspark.ml.classification import GBTClassifier
        from pyspark.ml.regression import GBTRegressor

        if layout.outputs > 1:
            raise UserError(
                f"The family spark_gbt tells two classes apart, and the label has {layout.outputs};"
                " use xgboost, spark_forest or spark_linear."
            )
        return GBTRegressor if layout.task == "regression" else GBTClassifier
