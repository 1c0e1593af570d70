"""Spark ML's gradient-boosted trees, served as one ONNX tree ensemble."""

from typing import Any, ClassVar

from throughline.errors import UserError
from throughline.features.assembly import wide_names
from throughline.models.estimator import OnnxEstimator
from throughline.models.family import Parameters, Trained, refuse_missing, with_defaults
from throughline.models.spark_training import (
    assembled,
    columns_of,
    log_native,
    refused_by_spark,
    rows_scored_otherwise,
    saved,
)
from throughline.models.spark_trees import boosted_trees_graph
from throughline.prepared import PreparedTable


class SparkGbt:
    """Gradient-boosted trees for two classes or regression; Spark's parameter names."""

    name: ClassVar[str] = "spark_gbt"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """Twenty trees of depth five, as Spark's own; a larger step."""
        return {
            "maxIter": 20,
            "maxDepth": 5,
            "maxBins": 64,
            "stepSize": 0.2,
            "subsamplingRate": 1.0,
            "minInstancesPerNode": 20,
            "featureSubsetStrategy": "all",
            "maxMemoryInMB": 512,
            "seed": 7,
        }

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Boosts ``maxIter`` trees; no value may be missing."""
        if table.layout.outputs > 1:
            raise UserError(
                "The family spark_gbt tells two classes apart, and the label has "
                f"{table.layout.outputs}; use xgboost or spark_linear."
            )
        refuse_missing(self.name, table)
        chosen = with_defaults(self, table, parameters)
        model = _fit(table, chosen)
        with saved(model) as folder:
            estimator = OnnxEstimator(boosted_trees_graph(folder, table.layout), table.layout)
        differ = rows_scored_otherwise(table, model, estimator)
        gains = model.featureImportances.toArray()
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances=_by_feature(wide_names(table.layout), gains, table),
            log_native=lambda: log_native(table, model),
            metrics={"rows_scored_otherwise": differ},
        )


def _fit(table: PreparedTable, parameters: Parameters) -> Any:
    from pyspark.ml.classification import GBTClassifier
    from pyspark.ml.regression import GBTRegressor

    kind = GBTRegressor if table.layout.task == "regression" else GBTClassifier
    with assembled(table, "train") as rows, refused_by_spark(SparkGbt.name):
        return kind(**columns_of(table.layout), **parameters).fit(rows)


def _by_feature(names: list[str], gains: Any, table: PreparedTable) -> dict[str, float]:
    known = {feature.name for feature in table.layout.features}
    found: dict[str, float] = {}
    for name, gain in zip(names, gains, strict=True):
        feature = name if name in known else name.rpartition("=")[0]
        found[feature] = found.get(feature, 0.0) + float(gain)
    return found
