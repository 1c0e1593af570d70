"""A model on the raw test rows, through its served form."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from throughline.checkout import hidden_checkout
from throughline.evaluation.bootstrap import Interval, intervals, resamples_of
from throughline.evaluation.decisions import Decisions
from throughline.evaluation.measured import measured
from throughline.evaluation.metrics import Scores
from throughline.evaluation.part import blocks_of, drawn_together_by
from throughline.evaluation.weighted import Measure, measure_of
from throughline.login import without_login
from throughline.models.signature import conform
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


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


def on_test(
    model_uri: str, table: PreparedTable, rows: "pd.DataFrame", called: str | None = None
) -> OnTest:
    """Measures a logged or registered model on raw test rows, through its served form.

    Args:
        model_uri: Where it is: a URI of MLflow or a folder.
        table: The prepared table that the rows are of.
        rows: The raw rows.
        called: What errors call it, if not by where it is.

    Raises:
        NotComparableError: If the model does not load, is none of this project, predicts something
            else, or does not take these rows.
    """
    called = called or model_uri
    with hidden_checkout():  # the model's own code, as it is served
        model, served = _loaded(model_uri, called)
        classes = served.plan.layout.classes
        if (classes and tuple(classes)) != table.layout.classes:
            raise NotComparableError(f"{called} predicts {classes or 'a number'}")
        served.contract = None  # the test rows may differ from the training rows, and still count
        try:
            answer = model.predict(conform(rows, served.plan.inputs))
        except Exception as error:  # of the model's code, or of rows that it was not made for
            raise _not_comparable(f"{called} does not take the test rows", error) from None
    recipe, threshold = table.recipe, served.threshold
    decisions = None if threshold is None else Decisions(threshold, recipe.threshold.cost)
    labels, scores = table.labels_of(rows), scores_of(answer)
    blocks = blocks_of(rows, recipe.split, drawn_together_by(recipe))
    figures = measured(labels, scores, table.layout, decisions, blocks).figures()
    return OnTest(figures, measure_of(labels, scores, table.layout, decisions), blocks)


def _loaded(model_uri: str, called: str) -> tuple[Any, Any]:
    """A model as MLflow loads it, and the served model inside."""
    import mlflow.pyfunc

    try:
        model = mlflow.pyfunc.load_model(model_uri, suppress_warnings=True)  # as smoke_check
        return model, model.unwrap_python_model().model
    except Exception as error:  # the code of the model, which may be another program's
        raise _not_comparable(f"{called} does not load as a model of this project", error) from None


def _not_comparable(what: str, error: Exception) -> NotComparableError:
    logger.debug("%s", what, exc_info=error)
    reason = without_login(str(error)).splitlines()[:1] or [type(error).__name__]
    return NotComparableError(f"{what}: {reason[0].rstrip('.')}")


def scores_of(answer: "pd.DataFrame") -> Scores:
    """The scores, (n, outputs), that a served model's answer carries."""
    if "probability" in answer:
        return answer[["probability"]].to_numpy(dtype=np.float64)
    classes = [name for name in answer if str(name).startswith("probability_")]
    return answer[classes or ["prediction"]].to_numpy(dtype=np.float64)
