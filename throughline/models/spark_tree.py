"""Spark ML's decision tree."""

from typing import TYPE_CHECKING, Any, ClassVar

from throughline.features.layout import Layout
from throughline.models.spark_tree_family import SparkTreeFamily

if TYPE_CHECKING:
    from pyspark.ml import Estimator


class SparkTree(SparkTreeFamily):
    """One tree, as deep as a person reads."""

    name: ClassVar[str] = "spark_tree"

    def kind(self, layout: Layout) -> "type[Estimator[Any]]":
        """Spark's class of estimators."""
        from pyspark.ml.classification import DecisionTreeClassifier
        from pyspark.ml.regression import DecisionTreeRegressor

        return DecisionTreeRegressor if layout.task == "regression" else DecisionTreeClassifier
