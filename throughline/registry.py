"""The model registry: which version is the champion, and who may take its place."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.errors import UserError
from throughline.models.evaluation import Scores, better, metrics
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.recipe import Promote

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

CHAMPION = "champion"
CHALLENGER = "challenger"


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate becomes the champion, and why."""

    promoted: bool
    reason: str


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
    metric: str, rule: Promote, candidate: dict[str, float], champion: dict[str, float] | None
) -> Verdict:
    """Applies the promotion rule to figures on the same test rows; a tie keeps the champion.

    Args:
        metric: The recipe's metric.
        rule: The recipe's rule.
        candidate: The candidate's metrics.
        champion: The present champion's, or None if there is no champion.
    """
    for name, bound in rule.at_least.items():
        if candidate[name] != bound and not better(name, candidate[name], bound):
            return Verdict(False, f"{name} {candidate[name]:.4f} does not reach {bound}")
    if champion is None:
        return Verdict(True, f"the first champion, {metric} {candidate[metric]:.4f}")
    compared = f"{metric} {candidate[metric]:.4f} against the champion's {champion[metric]:.4f}"
    if rule.beat_champion and not better(metric, candidate[metric], champion[metric]):
        return Verdict(False, f"does not beat the champion: {compared}")
    return Verdict(True, f"beats the champion: {compared}")


def champion_of(name: str) -> "ModelVersion | None":
    """The version of ``name`` with the alias champion; None if there is none."""
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        return mlflow.MlflowClient().get_model_version_by_alias(name, CHAMPION)
    except MlflowException:
        return None


def metrics_on_test(model_uri: str, table: PreparedTable, rows: "pd.DataFrame") -> dict[str, float]:
    """The metrics of a logged or registered model on raw test rows, through its served form.

    Raises:
        UserError: If the model does not take these rows.
    """
    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    try:
        model = mlflow.pyfunc.load_model(model_uri)
        served = model.unwrap_python_model().model
        answer = model.predict(conform(rows, served.plan.inputs))
    except MlflowException as error:
        reason = str(error.message).splitlines()[0]
        raise UserError(f"The model {model_uri} does not take the test rows: {reason}") from None
    labels = table.labels_of(rows)
    return metrics(labels, scores_of(answer), table.layout, served.threshold)


def scores_of(answer: "pd.DataFrame") -> Scores:
    """The scores, (n, outputs), that a served model's answer carries."""
    if "probability" in answer:
        return answer[["probability"]].to_numpy(dtype=np.float64)
    classes = [name for name in answer if str(name).startswith("probability_")]
    return answer[classes or ["prediction"]].to_numpy(dtype=np.float64)


def register(
    name: str, run: "Run", model_uri: str, verdict: Verdict, found: dict[str, float]
) -> "ModelVersion":
    """Registers a candidate, once, and moves the alias that its verdict gives it.

    A candidate that is registered already keeps its version.
    """
    import mlflow

    client = mlflow.MlflowClient()
    version = _version_of(name, run) or mlflow.register_model(model_uri, name)
    tags: dict[str, Any] = {"reason": verdict.reason, "run": run.info.run_id}
    tags |= {f"test_{metric}": f"{value:.6f}" for metric, value in found.items()}
    for key, value in tags.items():
        client.set_model_version_tag(name, version.version, key, value)
    alias = CHAMPION if verdict.promoted else CHALLENGER
    client.set_registered_model_alias(name, alias, version.version)
    logger.info("version %s of %s is the %s: %s", version.version, name, alias, verdict.reason)
    return version


def _version_of(name: str, run: "Run") -> "ModelVersion | None":
    import mlflow

    for version in mlflow.MlflowClient().search_model_versions(f"name = '{name}'"):
        if version.run_id == run.info.run_id:
            return version
    return None
