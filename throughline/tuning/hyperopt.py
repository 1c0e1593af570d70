"""Hyperopt's search: Trials one by one in this process, or SparkTrials, several at a time."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from throughline.recipe.search import Search
from throughline.tuning.hyperopt_space import flat, hyperopt_space
from throughline.tuning.trial import Objective, Trial

if TYPE_CHECKING:
    from hyperopt import Trials
    from pyspark.sql import SparkSession

Record = Callable[[Trial], bool]
"""Takes a trial that has ended; says whether the search is to stop."""


def search_with_hyperopt(
    wanted: Search,
    objective: Objective,
    earlier: Sequence[Trial],
    record: Record,
    spark: "SparkSession | None" = None,
    parallelism: int = 1,
) -> None:
    """Makes trials until the search has as many as it wants, those of before included.

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
    import numpy as np
    from hyperopt import SparkTrials, Trials, anneal, fmin, rand, tpe
    from hyperopt.exceptions import AllTrialsFailed

    algorithms = {"tpe": tpe, "random": rand, "anneal": anneal}
    trials = SparkTrials(parallelism, spark_session=spark) if spark else Trials()
    _insert(trials, earlier, objective)
    draws = np.random.default_rng(wanted.seed)
    queue = wanted.max_queue_len or parallelism
    draws.integers(2**31 - 1, size=-(-len(earlier) // queue))  # each draw of trials has taken one
    told = _Told(record, len(earlier))
    try:
        fmin(
            partial(_result, objective),
            hyperopt_space(wanted.drawn),
            algo=algorithms[wanted.algo].suggest,
            max_evals=wanted.max_evals,
            max_queue_len=queue,
            timeout=wanted.timeout,
            trials=trials,
            rstate=draws,
            early_stop_fn=told,
            show_progressbar=False,
            verbose=False,
            return_argmin=False,
        )
    except AllTrialsFailed:
        pass  # whoever recorded them tells why
    finally:
        told.record_new(trials)


def _result(objective: Objective, drawn: dict[str, Any]) -> dict[str, Any]:
    """What Hyperopt wants to know of a trial, and what we do; plain values, since it is sent."""
    from hyperopt import STATUS_FAIL, STATUS_OK

    told = objective(flat(drawn))
    if told["status"] != "FINISHED":
        return {"status": STATUS_FAIL, "told": told}
    return {"status": STATUS_OK, "loss": objective.loss(told["value"]), "told": told}


def _insert(trials: "Trials", earlier: Sequence[Trial], objective: Objective) -> None:
    """Puts trials of before among those that the algorithm learns from."""
    from hyperopt import JOB_STATE_DONE, STATUS_FAIL, STATUS_OK

    documents = []
    for tid, trial in zip(trials.new_trial_ids(len(earlier)), earlier, strict=True):
        if trial.value is None:
            result: dict[str, Any] = {"status": STATUS_FAIL}
        else:
            result = {"status": STATUS_OK, "loss": objective.loss(trial.value)}
        values = trial.drawn
        misc = {
            "tid": tid,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "workdir": None,
            "idxs": {label: [tid] * len(drawn) for label, drawn in values.items()},
            "vals": values,
        }
        (document,) = trials.new_trial_docs([tid], [None], [result], [misc])
        document["state"] = JOB_STATE_DONE
        documents.append(document)
    trials.insert_trial_docs(documents)
    trials.refresh()


class _Told:
    """Hyperopt asks it after every trial whether to stop; so it hears of each trial that ended.

    Args:
        record: Takes each trial that has ended, and says whether to stop.
        recorded: How many were recorded before.
    """

    def __init__(self, record: Record, recorded: int) -> None:
        self._record = record
        self._known = set(range(recorded))
        self._stop = False

    def __call__(self, trials: "Trials", *_: Any) -> tuple[bool, list[Any]]:
        """As Hyperopt's ``early_stop_fn``."""
        self.record_new(trials)
        return self._stop, []

    def record_new(self, trials: "Trials") -> None:
        """Records what has ended since the last time."""
        from hyperopt.base import JOB_STATE_CANCEL, JOB_STATE_DONE, JOB_STATE_ERROR

        ended = (JOB_STATE_DONE, JOB_STATE_ERROR, JOB_STATE_CANCEL)
        for document in list(trials._dynamic_trials):  # the public list leaves failures out
            tid = document["tid"]
            if document["state"] in ended and tid not in self._known:
                self._known.add(tid)
                self._stop = self._record(_trial(document)) or self._stop


def _trial(document: dict[str, Any]) -> Trial:
    """A trial of Hyperopt's as we have it."""
    from hyperopt.base import JOB_STATE_CANCEL

    drawn = {
        label: [value.item() if hasattr(value, "item") else value for value in values]
        for label, values in document["misc"]["vals"].items()
    }
    trial = Trial(document["tid"], drawn)
    for name, value in (document["result"].get("told") or {}).items():
        setattr(trial, name, value)
    if document["state"] == JOB_STATE_CANCEL:
        trial.status, trial.value = "KILLED", None
    elif not document["result"].get("told"):  # the worker itself was lost
        kind, text = document["misc"].get("error") or ("", "the trial's worker was lost")
        trial.status, trial.error = "FAILED", str(text).strip().splitlines()[-1] or kind
    return trial
