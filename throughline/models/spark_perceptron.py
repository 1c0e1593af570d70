"""Spark ML's multilayer perceptron."""

from itertools import pairwise
from typing import Any, ClassVar

from throughline.errors import UserError
from throughline.features.assembly import wide_names
from throughline.features.layout import Layout
from throughline.models.dense_graph import Dense, dense_graph
from throughline.models.family import Parameters
from throughline.models.spark_family import SparkFamily
from throughline.models.spark_pipeline import columns_of
from throughline.prepared import PreparedTable


class SparkPerceptron(SparkFamily):
    """Hidden layers of logistic units, for a classification; scale the features first.

    ``hidden`` holds the widths of the hidden layers: Spark's ``layers`` without the first and the
    last one, which follow from the table.
    """

    name: ClassVar[str] = "spark_perceptron"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """One layer of sixteen units, and Spark's own settings."""
        return {
            "hidden": [16],
            "maxIter": 100,
            "tol": 1e-6,
            "blockSize": 128,
            "solver": "l-bfgs",
            "stepSize": 0.03,
            "seed": 7,
        }

    def kind(self, layout: Layout) -> Any:
        """Spark's class of estimators; it tells classes apart, and knows no weights."""
        from pyspark.ml.classification import MultilayerPerceptronClassifier

        if layout.task == "regression":
            raise UserError(
                "The family spark_perceptron tells classes apart, and the label is a number; "
                "use torch, xgboost or spark_gbt."
            )
        if layout.weight:
            raise UserError(
                "The family spark_perceptron cannot weigh rows; balance them by smote or "
                "undersample, or use spark_linear."
            )
        return MultilayerPerceptronClassifier

    def learner(self, layout: Layout, parameters: Parameters) -> Any:
        """Spark's estimator with all its layers."""
        hidden = parameters["hidden"]
        if not isinstance(hidden, list | tuple) or any(type(n) is not int or n < 1 for n in hidden):
            raise UserError(
                f"The family spark_perceptron takes 'hidden' as a list of widths such as [16], "
                f"not {hidden!r}; change it in the recipe."
            )
        layers = [len(wide_names(layout)), *hidden, len(layout.classes or ())]
        others = {name: value for name, value in parameters.items() if name != "hidden"}
        return self.kind(layout)(layers=layers, **columns_of(layout), **others)

    def graph(self, model: Any, layout: Layout) -> bytes:
        """The layers as a graph; of two classes' margins only the difference counts."""
        layers = _layers(model)
        if layout.binary:
            weights, intercepts = layers[-1]
            layers[-1] = (weights[:, 1:] - weights[:, :1], intercepts[1:] - intercepts[:1])
        return dense_graph(layers, layout)


def _layers(model: Any) -> list[Dense]:
    """Spark keeps one vector: each layer's matrix column by column, then its intercepts."""
    flat, at = model.weights.toArray(), 0
    found: list[Dense] = []
    for inputs, outputs in pairwise(model.getLayers()):
        middle = at + inputs * outputs
        weights = flat[at:middle].reshape(inputs, outputs)
        found.append((weights, flat[middle : middle + outputs]))
        at = middle + outputs
    return found
