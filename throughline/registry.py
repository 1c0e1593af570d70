"""The model registry: which version is the champion, and who may take its place."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from throughline.checkout import hidden_checkout
from throughline.errors import UserError
from throughline.evaluation.bootstrap import Interval, intervals, resamples_of
from throughline.evaluation.decisions import Decisions
from throughline.evaluation.measured import measured
from throughline.evaluation.metrics import Scores, better
from throughline.evaluation.part import blocks_of, drawn_together_by
from throughline.evaluation.weighted import Measure, measure_of
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.recipe.candidates import Promote
from throughline.roles import CHALLENGER, CHAMPION, give_role, versions_by_role
from throughline.tracking import MODEL, REFITTED

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate becomes the champion, and why."""

    promoted: bool
    reason: str


@dataclass(frozen=True)
class Registered:
    """What became of the best candidate.

    Attributes:
        version: Its version in the registry.
        verdict: Whether it is the champion, and why.
        metrics: Its metrics on the test rows, through its served form.
    """

    version: str
    verdict: Verdict
    metrics: dict[str, float]


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


def promote(name: str, run: "Run", table: PreparedTable) -> Registered:
    """Registers a candidate, once, and makes it the champion if the recipe's rule lets it.

    Candidate and champion are measured on the same raw test rows, each through its served form and
    with its own code.

    Args:
        name: The registered model's name.
        run: The candidate's run.
        table: The prepared table it was trained on.

    Raises:
        UserError: If the candidate itself cannot be measured.
    """
    recipe = table.recipe
    rows = table.raw_rows("test")
    try:
        found = on_test(_model_of(run), table, rows)
    except NotComparableError as error:
        raise UserError(f"The candidate cannot be measured: {error}; train it again.") from None
    champion = champion_of(name)
    if champion and champion.run_id == run.info.run_id:
        verdict = Verdict(True, "it is the champion already")
        return Registered(champion.version, verdict, found.figures)
    try:
        uri = champion and f"models:/{name}/{champion.version}"
        present = on_test(uri, table, rows) if uri else None
    except NotComparableError as error:
        verdict = Verdict(
            False, f"the champion cannot be compared ({error}); give -P model=NAME to start another"
        )
    else:
        difference = found.differs_from(present, recipe.metric) if present else None
        verdict = judge(
            recipe.metric,
            recipe.promote,
            found.figures,
            present.figures if present else None,
            difference,
        )
    return Registered(_register(name, run, verdict, found.figures), verdict, found.figures)


def best_candidate(candidates: "list[Run]", metric: str) -> "Run":
    """The candidate with the best ``metric`` on the validation rows.

    Raises:
        UserError: If there is no candidate, or none has the metric.
    """
    key = f"validation_{metric}"
    measured = [run for run in candidates if key in run.data.metrics]
    if not measured:
        raise UserError(
            f"No candidate with {key} is among the {len(candidates)} given; run train first."
        )
    best = measured[0]
    for run in measured[1:]:
        if better(metric, run.data.metrics[key], best.data.metrics[key]):
            best = run
    return best


def judge(
    metric: str,
    rule: Promote,
    candidate: dict[str, float],
    champion: dict[str, float] | None,
    difference: Interval | None = None,
) -> Verdict:
    """Applies the promotion rule to figures on the same test rows; a tie keeps the champion.

    It is a tie, too, if the interval of the difference reaches zero.

    Args:
        metric: The recipe's metric.
        rule: The recipe's rule.
        candidate: The candidate's metrics.
        champion: The present champion's, or None if there is no champion.
        difference: The interval of the candidate's metric less the champion's; None if there is
            none.
    """
    for name, bound in rule.at_least.items():
        if candidate[name] != bound and not better(name, candidate[name], bound):
            return Verdict(False, f"{name} {candidate[name]:.4f} does not reach {bound}")
    if champion is None:
        return Verdict(True, f"the first champion, {metric} {candidate[metric]:.4f}")
    compared = f"{metric} {candidate[metric]:.4f} against the champion's {champion[metric]:.4f}"
    beats = better(metric, candidate[metric], champion[metric])
    if difference:
        low, high = difference
        compared += f", 95 % of the difference between {low:+.4f} and {high:+.4f}"
        beats = better(metric, low, 0) and better(metric, high, 0)
    if beats:
        return Verdict(True, f"beats the champion: {compared}")
    if rule.beat_champion:
        return Verdict(False, f"does not beat the champion: {compared}")
    return Verdict(True, f"the rule does not ask to beat the champion: {compared}")


def champion_of(name: str) -> "ModelVersion | None":
    """The version of ``name`` that is the champion; None if there is no model or no champion."""
    return version_with(name, CHAMPION)


def version_with(name: str, role: str) -> "ModelVersion | None":
    """The version of ``name`` with a role or an alias; None if there is no model or no such."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        version = versions_by_role(name).get(role)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            return None
        raise
    return mlflow.MlflowClient().get_model_version(name, version) if version else None


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


def _register(name: str, run: "Run", verdict: Verdict, found: dict[str, float]) -> str:
    """Registers a candidate unless it is, tags its version, and gives it the role it earned."""
    import mlflow

    client = mlflow.MlflowClient()
    version = _version_of(name, run) or mlflow.register_model(_model_of(run), name)
    tags: dict[str, Any] = {"reason": verdict.reason, "run": run.info.run_id}
    if REFITTED in run.data.tags:
        tags["refit"] = "all"
    tags |= {
        f"test_{metric}": f"{value:.6f}"
        for metric, value in found.items()
        if not metric.endswith(("_low", "_high"))
    }
    for key, value in tags.items():
        client.set_model_version_tag(name, version.version, key, value)
    role = CHAMPION if verdict.promoted else CHALLENGER
    give_role(name, version.version, role)
    logger.info("version %s of %s is the %s: %s", version.version, name, role, verdict.reason)
    return str(version.version)


def _model_of(run: "Run") -> str:
    """The URI of a candidate's model: the one that was trained on all rows, if there is one."""
    return str(run.data.tags.get(REFITTED) or run.data.tags[MODEL])


def _version_of(name: str, run: "Run") -> "ModelVersion | None":
    import mlflow

    for version in mlflow.MlflowClient().search_model_versions(f"name = '{name}'"):
        if version.run_id == run.info.run_id:
            return version
    return None
