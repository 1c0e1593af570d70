"""What the families of Spark ML's trees have in common."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from throughline.features.assembly import summed_by_feature
from throughline.features.layout import Layout
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
from throughline.models.spark_trees import forest_graph
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    from pyspark.ml import Estimator


class SparkTreeFamily:
    """Trees grown by Spark ML, and served as one ONNX tree ensemble; Spark's parameter names."""

    name: ClassVar[str]

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The parameters that a recipe may change."""
        return {
            "maxDepth": 5,
            "maxBins": 64,
            "minInstancesPerNode": 20,
            "maxMemoryInMB": 512,
            "seed": 7,
        }

    def learner(self, layout: Layout) -> "type[Estimator[Any]]":
        """Spark's estimator for the table's task.

        Raises:
            UserError: If there is none.
        """
        raise NotImplementedError

    def graph(self, folder: Path, layout: Layout) -> bytes:
        """The ONNX model of a Spark ML model that is saved in ``folder``: the mean of its trees."""
        return forest_graph(folder, layout)

    def fit(self, table: PreparedTable, parameters: Parameters) -> Any:
        """The Spark ML model, trained on the part ``train``."""
        learner: Any = self.learner(table.layout)
        with assembled(table, "train") as rows, refused_by_spark(self.name):
            return learner(**columns_of(table.layout), **parameters).fit(rows)

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Grows the trees; no value may be missing."""
        self.learner(table.layout)
        refuse_missing(self.name, table)
        chosen = with_defaults(self, table, parameters)
        model = self.fit(table, chosen)
        with saved(model) as folder:
            estimator = OnnxEstimator(self.graph(folder, table.layout), table.layout)
        gains = model.featureImportances.toArray()
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances=summed_by_feature(gains, table.layout),
            log_native=lambda: log_native(table, model),
            metrics={"rows_scored_otherwise": rows_scored_otherwise(table, model, estimator)},
        )
