"""Hyperopt's search: Trials one by one in this process, or SparkTrials, several at a time."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from throughline.recipe.search import Search
from throughline.recipe.space import Distribution, resolve
from throughline.tuning.hyperopt_space import flat, hyperopt_space
from throughline.tuning.spark_workers import LastingWorkers
from throughline.tuning.trial import Objective, Record, Trial

if TYPE_CHECKING:
    from hyperopt import Trials
    from pyspark.sql import SparkSession


def search_with_hyperopt(
    wanted: Search,
    objective: Objective,
    earlier: Sequence[Trial],
    record: Record,
    spark: "SparkSession | None" = None,
    parallelism: int = 1,
) -> None:
    """Makes trials until the search has as many as it wants, those of before included.

    A trial is drawn by a seed of its own, which follows from the search's seed and its number: so
    random ones are the same however many run at a time, and none is drawn twice after a resume.

    Args:
        wanted: The recipe's search. Its algorithms are the tree-structured Parzen estimator
            (Bergstra et al., "Algorithms for hyper-parameter optimization", NIPS 2011), random
            search, and simulated annealing, as Hyperopt has them.
        objective: What a trial does.
        earlier: The trials of a search that was ended early.
        record: Takes each trial that has ended, and says whether to stop.
        spark: Trials run as tasks of this session, ``parallelism`` at a time; else in this process.
        parallelism: Used with ``spark`` only.
    """
    from hyperopt import SparkTrials, Trials, anneal, fmin, rand, tpe
    from hyperopt.exceptions import AllTrialsFailed

    algorithms = {"tpe": tpe, "random": rand, "anneal": anneal}
    told = _Told(wanted, objective, record, {trial.number for trial in earlier})
    if spark:
        # Where all of Spark's places are taken, one more trial waits for one in Spark's own queue:
        # SparkTrials itself looks for a free place only once a second.
        parallelism += int(parallelism == spark.sparkContext.defaultParallelism)
        trials = _telling(SparkTrials)(parallelism, spark_session=LastingWorkers(spark))
    else:
        trials = _telling(Trials)()
    _insert(trials, earlier, objective)
    trials.told = told
    queue = (wanted.max_queue_len or parallelism) if spark else 1  # local ones are told in between
    try:
        fmin(
            partial(_result, objective),
            hyperopt_space(wanted.drawn),
            algo=partial(_suggest, algorithms[wanted.algo].suggest, wanted.seed),
            max_evals=wanted.max_evals,
            max_queue_len=queue,
            timeout=wanted.timeout,
            trials=trials,
            early_stop_fn=told,
            show_progressbar=False,
            verbose=False,
            return_argmin=False,
        )
    except AllTrialsFailed:
        pass  # whoever recorded them tells why
    finally:
        told.record_new(trials, ended=True)


def _suggest(suggest: Any, seed: int, numbers: list[int], domain: Any, trials: Any, _: int) -> Any:
    """An algorithm of Hyperopt's, asked for one trial after the other."""
    import numpy as np

    seeds = [int(np.random.default_rng([seed, n]).integers(2**31 - 1)) for n in numbers]
    return [
        document
        for number, own in zip(numbers, seeds, strict=True)
        for document in suggest([number], domain, trials, own)
    ]


def _result(objective: Objective, drawn: dict[str, Any]) -> dict[str, Any]:
    """What Hyperopt wants to know of a trial, and what we do; plain values, since it is sent."""
    from hyperopt import STATUS_FAIL, STATUS_OK

    told = objective(flat(drawn))
    if told["status"] != "FINISHED":
        return {"status": STATUS_FAIL, "told": told}
    return {"status": STATUS_OK, "loss": objective.loss(told["value"]), "told": told}


def _telling(kind: Any) -> Any:
    """Hyperopt's trials that tell of those that have ended, whenever Hyperopt looks for them.

    That is in the caller's thread, and after failures too: ``early_stop_fn`` of SparkTrials is
    neither.
    """

    class Telling(kind):
        told: "_Told | None" = None

        def refresh(self) -> None:
            super().refresh()
            if self.told:
                self.told.record_new(self)

    return Telling


def _insert(trials: "Trials", earlier: Sequence[Trial], objective: Objective) -> None:
    """Puts trials of before among those that the algorithm learns from, under their numbers."""
    from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

    documents = []
    for trial in earlier:
        tid = trial.number
        if trial.value is None:
            result: dict[str, Any] = {"status": STATUS_FAIL}
        else:
            result = {"status": STATUS_OK, "loss": objective.loss(trial.value)}
        misc = {
            "tid": tid,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {label: [tid] * len(drawn) for label, drawn in trial.drawn.items()},
            "vals": trial.drawn,
        }
        (document,) = trials.new_trial_docs([tid], [None], [result], [misc])
        document["state"] = JOB_STATE_DONE
        documents.append(document)
    trials.insert_trial_docs(documents)
    # New numbers are counted from how many there are: a gap would give one twice.
    trials._ids.update(range(max((trial.number + 1 for trial in earlier), default=0)))
    trials.refresh()


class _Told:
    """What has ended, told once; Hyperopt asks it whether to stop.

    Args:
        wanted: The search.
        objective: What a trial does.
        record: Takes each trial that has ended, and says whether to stop.
        known: The numbers of those recorded before.
    """

    def __init__(
        self, wanted: Search, objective: Objective, record: Record, known: set[int]
    ) -> None:
        self._wanted, self._objective = wanted, objective
        self._record, self._known = record, known
        self._stop = False

    def __call__(self, trials: "Trials", *_: Any) -> tuple[bool, list[Any]]:
        """As Hyperopt's ``early_stop_fn``."""
        return self._stop, []

    def record_new(self, trials: "Trials", ended: bool = False) -> None:
        """Records what has ended since the last time.

        Args:
            trials: Hyperopt's.
            ended: Whether nothing runs any more. Before that, a trial may have its state already
                and its result not yet: SparkTrials writes one after the other.
        """
        from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

        for document in list(trials._dynamic_trials):  # the public list leaves failures out
            tid, state = document["tid"], document["state"]
            if tid in self._known or state not in (
                JOB_STATE_CANCEL,
                JOB_STATE_DONE,
                JOB_STATE_ERROR,
            ):
                continue
            whole = document["result"].get("told") or document["misc"].get("error")
            if document["book_time"] and (whole or ended):
                self._known.add(tid)
                trial = self._trial(document, state == JOB_STATE_CANCEL)
                self._stop = self._record(trial) or self._stop

    def _trial(self, document: dict[str, Any], cancelled: bool) -> Trial:
        """A trial of Hyperopt's as we have it."""
        drawn = {
            label: [value.item() if hasattr(value, "item") else value for value in values]
            for label, values in document["misc"]["vals"].items()
        }

        def of_node(node: Any) -> Any:
            (value,) = drawn[node.label]
            return int(value) if isinstance(node, Distribution) and node.whole else value

        parameters = {**self._objective.fixed, **resolve(self._wanted.drawn, of_node)}
        told = document["result"].get("told")
        trial = Trial(document["tid"], drawn, **(told or {"parameters": parameters}))
        if cancelled:
            trial.status, trial.value, trial.error = "KILLED", None, "ended early with the search"
        elif not told:
            kind, trace = document["misc"].get("error") or ("", "")
            lines = str(trace or kind).strip().splitlines()
            trial.status = "FAILED"
            trial.error = f"the trial's worker was lost ({lines[-1] if lines else 'no reason'})"
        return trial
