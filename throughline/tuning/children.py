"""The child runs of a search: one per trial, and what an ended search leaves to the next."""

import json
import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import psutil

from throughline.tracking import FAILURE, PARENT
from throughline.tuning.trial import Trial

if TYPE_CHECKING:
    from mlflow.entities import Run

SEARCH = "throughline.search"
"""What a search is over, as a digest: one that was ended goes on where the next has the same."""
OWNER = "throughline.search_process"
TRIAL = "throughline.trial"
"""A trial as its engine needs it to go on, as JSON."""
ADOPTED = "throughline.adopted_from"

_LONGEST_TAG = 5000


class Children:
    """Logs trials as children of a search's run.

    A child is made when its trial has ended, so that a search killed in the middle of a trial
    leaves no child that seems to run.

    Args:
        parent: The search's run.
        digest: What the search is over.
    """

    def __init__(self, parent: "Run", digest: str) -> None:
        import mlflow
        from mlflow.tracking.context.registry import resolve_tags

        self._client = mlflow.MlflowClient()
        self._parent = parent.info.run_id
        self._experiment = parent.info.experiment_id
        self._context = resolve_tags()
        for name, value in {SEARCH: digest, OWNER: this_process()}.items():
            self._client.set_tag(self._parent, name, value)

    def log(self, trial: Trial, folds: tuple[str, Mapping[int, float]] | None = None) -> str:
        """Logs a trial as a child run, in three requests.

        Args:
            trial: The trial.
            folds: A metric of each fold, and its name; the folds are its steps.

        Returns:
            The run's id.
        """
        from mlflow.entities import Metric, Param

        tags = {**self._context, PARENT: self._parent, TRIAL: _as_tag(trial)}
        if trial.error:
            tags[FAILURE] = trial.error[:_LONGEST_TAG]
        began, ended = round(trial.started * 1000), round(trial.ended * 1000)
        name = f"trial {trial.number + 1}"
        run = self._client.create_run(self._experiment, began, tags, name)
        figures = [Metric(key, float(value), ended, 0) for key, value in trial.metrics.items()]
        if folds:
            metric, values = folds
            figures += [Metric(metric, value, ended, fold) for fold, value in values.items()]
        said = [Param(key, str(value)) for key, value in trial.parameters.items()]
        self._client.log_batch(run.info.run_id, figures, said)
        self._client.set_terminated(run.info.run_id, trial.status, ended)
        return str(run.info.run_id)

    def adopted(self) -> list[Trial]:
        """The trials of searches over the same that were ended early; they become children here.

        They are numbered anew, in the order they ended. Those that failed are not among them: what
        made them fail may be mended.
        """
        digest = self._client.get_run(self._parent).data.tags[SEARCH]
        found = []
        for run in self._others(
            f"tags.`{SEARCH}` = '{digest}' AND attributes.status != 'FINISHED'"
        ):
            if run.info.status != "RUNNING":
                found += self._children_of(run)
        trials: list[Trial] = []
        for child in sorted(found, key=lambda run: run.info.end_time or 0):
            told = child.info.status != "RUNNING" and child.data.metrics  # a pruned one has some
            if not child.data.tags.get(TRIAL) or not told:
                continue
            trial = _from_run(child, len(trials))
            self._client.set_tag(child.info.run_id, ADOPTED, child.data.tags[PARENT])
            self._client.set_tag(child.info.run_id, PARENT, self._parent)
            trials.append(trial)
        return trials

    def end_dead(self) -> int:
        """Ends the runs of searches that no process of this machine works on any more.

        Those of other machines are left alone: nobody here can tell.

        Returns:
            How many searches were ended.
        """
        ended = 0
        for run in self._others(f"tags.`{OWNER}` != '' AND attributes.status = 'RUNNING'"):
            if is_alive(run.data.tags[OWNER]) is False:
                for child in self._children_of(run):
                    if child.info.status == "RUNNING":
                        self._client.set_terminated(child.info.run_id, "KILLED")
                self._client.set_terminated(run.info.run_id, "KILLED")
                ended += 1
        return ended

    def _others(self, query: str) -> "Iterator[Run]":
        for run in self._client.search_runs([self._experiment], query):
            if run.info.run_id != self._parent:
                yield run

    def _children_of(self, run: "Run") -> "list[Run]":
        query = f"tags.`{PARENT}` = '{run.info.run_id}'"
        return list(self._client.search_runs([self._experiment], query, max_results=10_000))


def this_process() -> str:
    """This process as text that tells it from any other, on any machine."""
    process = psutil.Process()
    return f"{socket.gethostname()}/{process.pid}/{process.create_time():.2f}"


def is_alive(owner: str) -> bool | None:
    """Whether a process told of by :func:`this_process` still runs; None if it ran elsewhere."""
    host, pid, created = owner.rsplit("/", 2)
    if host != socket.gethostname():
        return None
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" == created
    except psutil.NoSuchProcess:
        return False


def _as_tag(trial: Trial) -> str:
    kept = {"drawn": trial.drawn, "parameters": trial.parameters, "value": trial.value}
    text = json.dumps(kept)
    return text if len(text) <= _LONGEST_TAG else ""  # such a trial is made again


def _from_run(run: "Run", number: int) -> Trial:
    kept = json.loads(run.data.tags[TRIAL])
    return Trial(
        number=number,
        status=run.info.status,
        metrics=dict(run.data.metrics),
        error=run.data.tags.get(FAILURE, ""),
        started=run.info.start_time / 1000,
        ended=run.info.end_time / 1000,
        **kept,
    )
