"""Who is registered, and who becomes the champion."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from throughline.errors import UserError
from throughline.evaluation.bootstrap import Interval
from throughline.evaluation.metrics import better
from throughline.login import without_login
from throughline.models.logged import register_model
from throughline.not_found import is_not_found
from throughline.prepared import PreparedTable
from throughline.recipe.candidates import Promote
from throughline.registry.champions import given_up, make_champion
from throughline.registry.digest import DIGEST, check_files, digest_of
from throughline.registry.on_test import NotComparableError, OnTest, on_test
from throughline.registry.roles import (
    CHALLENGER,
    CHAMPION,
    champion_of,
    give_role,
    versions_by_role,
)
from throughline.registry.version_tags import tag_version
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


def promote(
    name: str, run: "Run", table: PreparedTable, lineage: Mapping[str, str] | None = None
) -> Registered:
    """Registers a candidate, once, and makes it the champion if the recipe's rule lets it.

    Candidate and champion are measured on the same raw test rows, each through its served form and
    with its own code.

    Args:
        name: The registered model's name.
        run: The candidate's run.
        table: The prepared table it was trained on.
        lineage: What it was made of, for the tags of its version.

    Raises:
        UserError: If the candidate itself cannot be measured.
    """
    rows = table.raw_rows("test")
    try:
        found = on_test(_model_of(run), table, rows)
    except NotComparableError as error:
        raise UserError(f"The candidate cannot be measured: {error}; train it again.") from None
    version = registered_version(name, run, {**(lineage or {}), **_figures(found.figures)})
    champion = champion_of(name)
    while True:
        verdict = _verdict(found, version, champion, table, rows)
        before, champion = champion, champion_of(name)
        if (champion and champion.version) == (before and before.version):
            break
        logger.info("the champion is another one meanwhile; compared again")
    _settle(version, verdict)
    return Registered(str(version.version), verdict, found.figures)


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


def is_of(version: "ModelVersion", candidate: "Run") -> bool:
    """Whether a version was registered for a candidate; its model may be a run's below that one."""
    told = version.tags.get("run", version.run_id)
    return told == candidate.info.run_id or version.source == _model_of(candidate)


def _verdict(
    found: OnTest,
    version: "ModelVersion",
    champion: "ModelVersion | None",
    table: PreparedTable,
    rows: "pd.DataFrame",
) -> Verdict:
    """Compares a candidate's version with the champion, if there is one, on the test rows."""
    if champion and champion.version == version.version:
        return Verdict(True, "it is the champion already")
    recipe, present, difference = table.recipe, None, None
    if champion:
        try:
            present = _champion_on_test(champion, table, rows)
        except NotComparableError as error:
            return Verdict(
                False,
                f"the champion cannot be compared ({error}); give -P model=NAME to start another",
            )
        difference = found.differs_from(present, recipe.metric)
    figures = present.figures if present else None
    verdict = judge(recipe.metric, recipe.promote, found.figures, figures, difference)
    if verdict.promoted and (when := given_up(version)):
        return Verdict(
            False,
            f"it was given up {when}; register -P to=production -P version={version.version} makes "
            "it champion again",
        )
    return verdict


def _champion_on_test(
    champion: "ModelVersion", table: PreparedTable, rows: "pd.DataFrame"
) -> OnTest:
    """Measures the champion, once its files are known to be those that were registered.

    Raises:
        NotComparableError: They are not, or cannot be measured.
    """
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    name, number = champion.name, str(champion.version)
    with TemporaryDirectory() as folder:
        try:
            files = download_artifacts(f"models:/{name}/{number}", dst_path=folder)
            check_files(name, number, files, champion.tags.get(DIGEST))
        except (MlflowException, OSError, UserError) as error:
            reason = without_login(str(error)).splitlines()[0].rstrip(".")
            raise NotComparableError(reason) from None
        return on_test(files, table, rows, f"version {number}")


def registered_version(name: str, run: "Run", told: Mapping[str, str]) -> "ModelVersion":
    """The version of a candidate, which is registered unless it is; tagged with what is told."""
    import mlflow
    from mlflow.artifacts import download_artifacts

    version, *_ = _versions_of(name, run) or [_register_once(name, run)]
    given = {"run": run.info.run_id}
    if DIGEST not in version.tags:  # it is of what was registered, whatever lies there later
        with TemporaryDirectory() as folder:
            given[DIGEST] = digest_of(download_artifacts(_model_of(run), dst_path=folder))
    if REFITTED in run.data.tags:
        given["refit"] = "all"
    tag_version(name, version.version, {**given, **told})
    return mlflow.MlflowClient().get_model_version(name, version.version)


def _settle(version: "ModelVersion", verdict: Verdict) -> None:
    """Gives a version the role that it earned, and says why."""
    name, number = version.name, str(version.version)
    tag_version(name, number, {"reason": verdict.reason})
    if verdict.promoted:
        make_champion(name, number)
    elif versions_by_role(name).get(CHAMPION) != number:  # a person may have made it that meanwhile
        give_role(name, number, CHALLENGER)
    role = CHAMPION if verdict.promoted else CHALLENGER
    logger.info("version %s of %s is the %s: %s", number, name, role, verdict.reason)


def _figures(found: Mapping[str, float]) -> dict[str, str]:
    """Metrics as tags of a version, without the ends of their intervals."""
    return {
        f"test_{metric}": f"{value:.6f}"
        for metric, value in found.items()
        if not metric.endswith(("_low", "_high"))
    }


def _model_of(run: "Run") -> str:
    """The URI of a candidate's model: the one that was trained on all rows, if there is one."""
    return str(run.data.tags.get(REFITTED) or run.data.tags[MODEL])


def _register_once(name: str, run: "Run") -> "ModelVersion":
    """Registers a candidate that is not; of what chains register at once the first version stays.

    They hinder each other: MLflow notes with a model where it is registered, and of two notes at
    once it refuses one, whose version is there all the same.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        made = [register_model(_model_of(run), name)]
    except MlflowException:
        made = []
        if [version.status for version in _versions_of(name, run)[:1]] != ["READY"]:
            raise
    version, *later = _versions_of(name, run) or made
    for other in later:
        try:
            mlflow.MlflowClient().delete_model_version(name, other.version)
        except MlflowException as error:
            if not is_not_found(error):  # the other chain was faster
                raise
    return version


def _versions_of(name: str, run: "Run") -> "list[ModelVersion]":
    """The versions that were registered for a candidate, the first one first."""
    import mlflow

    found = mlflow.MlflowClient().search_model_versions(f"name = '{name}'")
    return sorted((v for v in found if is_of(v, run)), key=lambda version: int(version.version))
