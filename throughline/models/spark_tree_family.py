"""What the families of Spark ML's trees have in common."""

from pathlib import Path
from typing import Any

from throughline.features.assembly import summed_by_feature
from throughline.features.layout import Layout
from throughline.models.spark_family import SparkFamily
from throughline.models.spark_pipeline import saved
from throughline.models.spark_trees import forest_graph
from throughline.prepared import PreparedTable


class SparkTreeFamily(SparkFamily):
    """Trees grown by Spark ML, and served as one ONNX tree ensemble."""

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The parameters that a recipe may change."""
        return {
            "maxDepth": 5,
            "maxBins": 64,
            "minInstancesPerNode": 20,
            "maxMemoryInMB": 512,
            "seed": 7,
        }

    def graph_of_saved(self, folder: Path, layout: Layout) -> bytes:
        """The ONNX model of a Spark ML model that is saved in ``folder``: the mean of its trees."""
        return forest_graph(folder, layout)

    def graph(self, model: Any, layout: Layout) -> bytes:
        """All trees as one ensemble."""
        with saved(model) as folder:
            return self.graph_of_saved(folder, layout)

    def importances(self, model: Any, table: PreparedTable) -> dict[str, float]:
        """The impurity that the splits on a feature took away."""
        return summed_by_feature(model.featureImportances.toArray(), table.layout)
