"""A recipe's search: every trial a child run, the best parameters by the validation rows."""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import UserError
from throughline.models.family import with_defaults
from throughline.prepared import PreparedTable
from throughline.recipe.search import Search
from throughline.recipe.space import FAMILY
from throughline.spark import is_local, session, ship_package
from throughline.tracking import RESUMED
from throughline.tuning.children import Children
from throughline.tuning.families import SEARCHED, trains_elsewhere
from throughline.tuning.hyperopt import search_with_hyperopt
from throughline.tuning.optuna import search_with_optuna
from throughline.tuning.progress import Progress
from throughline.tuning.threads import threads_limited
from throughline.tuning.trial import Objective, Trial

if TYPE_CHECKING:
    from mlflow.entities import Run
    from pyspark.sql import SparkSession

logger = logging.getLogger(__name__)

_NO_PART_OF_IT = {"max_evals", "timeout", "parallelism", "max_queue_len", "trials"}
"""A search that differs in these only goes on with the trials of the one before."""


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        family: The best trial's.
        parameters: The best trial's, the fixed ones included.
        value: Its metric on the validation rows.
        trials: All trials, those of an earlier search that went on here included.
    """

    family: str
    parameters: dict[str, Any]
    value: float
    trials: list[Trial]


def search(
    table: PreparedTable, wanted: Search, run: "Run", *, code: str = "", anew: bool = False
) -> Found:
    """Searches, and logs every trial as a child of ``run``.

    A trial that fails is a FAILED child with its error, and the search goes on. A search over the
    same that was ended early goes on from its trials, which become children of ``run``.

    Args:
        table: The prepared table; trials train on its training rows.
        wanted: The recipe's search.
        run: The search's run, which is active.
        code: Names the code and the packages; trials of others are not gone on with.
        anew: Whether no trials are gone on with, and those of the same are given up.

    Raises:
        UserError: If the search cannot be, or every trial failed.
    """
    import mlflow

    _check_parameters(table, wanted.branches)
    on_spark, parallelism, threads = _where(table, wanted)
    fixed = {FAMILY: wanted.family, **wanted.parameters}
    metric = table.recipe.metric
    objective = Objective(table.output.uri, fixed, metric, threads, rule=table.recipe.threshold)
    children = Children(run, _digest(table, wanted, code))
    if anew:
        children.give_up()
    trials = children.adopted(wanted.max_evals)
    if trials:
        logger.info("going on after %d trials of a search that was ended early", len(trials))
        mlflow.set_tag(RESUMED, f"after {len(trials)} trials")
    values = [trial.value for trial in trials]
    progress = Progress("trial", wanted.max_evals, metric, values)
    one_at_a_time = threading.Lock()

    def is_over() -> bool:
        return wanted.early_stop is not None and progress.since_best >= wanted.early_stop

    def record(trial: Trial) -> bool:
        with one_at_a_time:
            children.log(trial)
            trials.append(trial)
            progress.tell(trial.value, trial.error or "ended early")
            return is_over()

    if is_over():
        logger.info("the last %d trials of it were no better: no more are made", wanted.early_stop)
    elif wanted.engine == "optuna":
        objective = replace(objective, alone=False)
        with threads_limited(threads):
            search_with_optuna(
                wanted,
                objective,
                len(trials),
                record,
                _storage(table),
                children.study,
                parallelism,
            )
    else:
        spark = _spark() if on_spark else None
        search_with_hyperopt(wanted, objective, tuple(trials), record, spark, parallelism)
    finished = [(trial.value, trial) for trial in trials if trial.value is not None]
    if not finished:
        raise UserError(_all_failed(trials))
    value, best = min(finished, key=lambda one: objective.loss(one[0]))
    parameters = {name: value for name, value in best.parameters.items() if name != FAMILY}
    return Found(best.parameters[FAMILY], parameters, value, trials)


def _check_parameters(table: PreparedTable, branches: list[dict[str, Any]]) -> None:
    """Raises a UserError if a family has not a parameter that its trials would be given."""
    for branch in branches:
        given = {name: value for name, value in branch.items() if name != FAMILY}
        with_defaults(SEARCHED[branch[FAMILY]], table, given)


def _where(table: PreparedTable, wanted: Search) -> tuple[bool, int, int | None]:
    """Whether trials run as Spark's tasks, how many at a time, and the threads of each."""
    distributed = [
        branch[FAMILY]
        for branch in wanted.branches
        if trains_elsewhere(SEARCHED[branch[FAMILY]], table, branch)
    ]
    if wanted.trials == "spark" and distributed:
        raise UserError(
            f"The family {distributed[0]} trains in processes of its own, which a task of Spark "
            "cannot start; leave 'trials' out of the search, or set it to local."
        )
    threads_of_optuna = wanted.engine == "optuna" and not distributed
    if threads_of_optuna and wanted.parallelism:
        cores = os.cpu_count() or 1
        at_a_time = _limited(wanted, cores)
        return False, at_a_time, max(1, cores // at_a_time)
    if threads_of_optuna or distributed or wanted.trials == "local":
        if (wanted.parallelism or 1) > 1:
            logger.warning(
                "trials run one at a time in this process, so parallelism %d has no effect",
                wanted.parallelism,
            )
        return False, 1, None
    spark = _spark()
    slots = spark.sparkContext.defaultParallelism
    at_a_time = _limited(wanted, slots)
    if is_local(spark):
        return True, at_a_time, max(1, slots // at_a_time)
    return True, at_a_time, int(spark.conf.get("spark.task.cpus", "1") or 1)


def _limited(wanted: Search, slots: int) -> int:
    """How many trials run at a time; says so if that is fewer than was asked for."""
    asked = wanted.parallelism or slots
    given = min(asked, slots, wanted.max_evals)
    if wanted.parallelism and given < asked:
        why = f"there are {slots} cores" if given == slots else f"max_evals is {wanted.max_evals}"
        logger.warning("%d trials run at a time, not %d: %s", given, asked, why)
    return given


def _spark() -> "SparkSession":
    spark = session()
    ship_package(spark)
    return spark


def _digest(table: PreparedTable, wanted: Search, code: str) -> str:
    said = wanted.model_dump(mode="json", exclude=_NO_PART_OF_IT | {"refit"})
    rule = table.recipe.threshold.model_dump(mode="json")
    text = json.dumps([table.key, table.recipe.metric, rule, said, code], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _storage(table: PreparedTable) -> Path:
    """The file of Optuna's studies: beside the prepared table, or here if that is elsewhere."""
    from fsspec.core import url_to_fs
    from fsspec.implementations.local import LocalFileSystem

    files, path = url_to_fs(table.output.uri)
    if not isinstance(files, LocalFileSystem):
        return Path("data/studies/optuna.log")
    folders = Path(path).parents  # of <data root>/prepared/<recipe>/<run>
    return folders[min(2, len(folders) - 1)] / "studies/optuna.log"


def _all_failed(trials: Sequence[Trial]) -> str:
    first = next((trial.error for trial in trials if trial.error), "no trial was made")
    return f"Every trial of the search failed; the first error was: {first}"
