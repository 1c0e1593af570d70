"""What the families of Spark ML have in common."""

from typing import Any, ClassVar

from throughline.features.layout import Layout
from throughline.models.estimator import OnnxEstimator
from throughline.models.family import (
    Parameters,
    Trained,
    refuse_missing,
    refused_values,
    with_defaults,
)
from throughline.models.spark_check import rows_scored_otherwise
from throughline.models.spark_pipeline import columns_of, fitted_pipeline, refuse_taken_names
from throughline.models.spark_record import log_spark_record
from throughline.prepared import PreparedTable
from throughline.spark import session


class SparkFamily:
    """A pipeline of Spark ML, served as an ONNX graph; Spark's parameter names."""

    name: ClassVar[str]

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The parameters that a recipe may change."""
        raise NotImplementedError

    def kind(self, layout: Layout) -> Any:
        """Spark's class of estimators for the table's task.

        Raises:
            UserError: If there is none.
        """
        raise NotImplementedError

    def learner(self, layout: Layout, parameters: Parameters) -> Any:
        """Spark's estimator with all its parameters."""
        return self.kind(layout)(**columns_of(layout), **parameters)

    def graph(self, model: Any, layout: Layout) -> bytes:
        """The ONNX model of a fitted model, from ``features`` to ``scores``."""
        raise NotImplementedError

    def importances(self, model: Any, table: PreparedTable) -> dict[str, float]:
        """Each feature's importance."""
        return {}

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Fits the pipeline on the part ``train``; no value may be missing."""
        from pyspark.errors import IllegalArgumentException

        self.kind(table.layout)
        refuse_taken_names(self.name, table.layout)
        refuse_missing(self.name, table)
        chosen = with_defaults(self, table, parameters)
        session()
        with refused_values(self.name, (IllegalArgumentException, TypeError)):
            learner = self.learner(table.layout, chosen)
            model = fitted_pipeline(table, learner)
        return self.finished(table, learner, model, chosen)

    def finished(
        self, table: PreparedTable, learner: Any, model: Any, chosen: dict[str, Any]
    ) -> Trained:
        """What :meth:`train` gives, of a pipeline that was fitted on the part ``train``.

        Args:
            table: The prepared table.
            learner: Spark's estimator.
            model: The pipeline over prepared columns.
            chosen: All its parameters.
        """
        fitted = model.stages[-1]
        graph = self.graph(fitted, table.layout)
        estimator = OnnxEstimator(graph, table.layout, takes_missing=False)
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances=self.importances(fitted, table),
            log_native=lambda: log_spark_record(table, learner, model),
            metrics={"rows_scored_otherwise": rows_scored_otherwise(table, model, estimator)},
        )
