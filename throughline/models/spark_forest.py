"""Spark ML's random forest."""

from typing import TYPE_CHECKING, Any, ClassVar

from throughline.features.layout import Layout
from throughline.models.spark_tree_family import SparkTreeFamily
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    from pyspark.ml import Estimator


class SparkForest(SparkTreeFamily):
    """The mean of trees that are grown on samples of the rows and of the columns."""

    name: ClassVar[str] = "spark_forest"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """Forty trees of depth ten; Spark's own twenty of depth five are coarse for a forest."""
        return {
            **super().defaults(table),
            "numTrees": 40,
            "maxDepth": 10,
            "subsamplingRate": 1.0,
            "featureSubsetStrategy": "auto",
        }

    def kind(self, layout: Layout) -> "type[Estimator[Any]]":
        """Spark's class of estimators."""
        from pyspark.ml.classification import RandomForestClassifier
        from pyspark.ml.regression import RandomForestRegressor

        return RandomForestRegressor if layout.task == "regression" else RandomForestClassifier
