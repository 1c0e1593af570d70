"""A model on the raw test rows, through its served form."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from throughline.checkout import hidden_checkout
from throughline.evaluation.bootstrap import Interval, intervals, resamples_of
from throughline.evaluation.decisions import Decisions
from throughline.evaluation.measured import measured
from throughline.evaluation.metrics import Scores
from throughline.evaluation.part import blocks_of, drawn_together_by
from throughline.evaluation.weighted import Measure, measure_of
from throughline.models.signature import conform
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class OnTest:
    """A model on the test rows, through its served form.

    Attributes:
        figures: Its metrics; beside each stand the ends of its interval, ``<metric>_low`` and
            ``<metric>_high``.
        measure: Measures it on weighted test rows.
        blocks: The block of each test row, from 0 on: rows that a resample draws together.
    """

    figures: dict[str, float]
    measure: Measure
    blocks: npt.NDArray[np.int64]

    def differs_from(self, other: "OnTest", metric: str) -> Interval | None:
        """The 95 % interval of this model's metric less the other's, over the same resamples.

        Returns:
            Its ends; None where the test rows are too few blocks for an interval.
        """

        def difference(weights: npt.NDArray[np.float64]) -> dict[str, float]:
            return {metric: self.measure(weights)[metric] - other.measure(weights)[metric]}

        resamples = resamples_of(len(self.blocks), 2)  # two models' scores
        return intervals(difference, self.blocks, resamples).get(metric)


class NotComparableError(Exception):
    """A model that cannot be measured on the test rows, and why."""


def on_test(model_uri: str, table: PreparedTable, rows: "pd.DataFrame") -> OnTest:
    """Measures a logged or registered model on raw test rows, through its served form.

    Raises:
        NotComparableError: If the model predicts something else, or does not take these rows.
    """
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    with hidden_checkout():  # the model's own code, as it is served
        model = mlflow.pyfunc.load_model(model_uri)
        served = model.unwrap_python_model().model
        classes = served.plan.layout.classes
        if (classes and tuple(classes)) != table.layout.classes:
            raise NotComparableError(f"{model_uri} predicts {classes or 'a number'}")
        served.contract = None  # the test rows may differ from the training rows, and still count
        try:
            answer = model.predict(conform(rows, served.plan.inputs))
        except MlflowException as error:
            reason = str(error.message).splitlines()[0]
            raise NotComparableError(f"{model_uri} does not take the test rows: {reason}") from None
    recipe, threshold = table.recipe, served.threshold
    decisions = None if threshold is None else Decisions(threshold, recipe.threshold.cost)
    labels, scores = table.labels_of(rows), scores_of(answer)
    blocks = blocks_of(rows, recipe.split, drawn_together_by(recipe))
    figures = measured(labels, scores, table.layout, decisions, blocks).figures()
    return OnTest(figures, measure_of(labels, scores, table.layout, decisions), blocks)


def scores_of(answer: "pd.DataFrame") -> Scores:
    """The scores, (n, outputs), that a served model's answer carries."""
    if "probability" in answer:
        return answer[["probability"]].to_numpy(dtype=np.float64)
    classes = [name for name in answer if str(name).startswith("probability_")]
    return answer[classes or ["prediction"]].to_numpy(dtype=np.float64)
