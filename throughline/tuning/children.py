"""The child runs of a search: one per trial, and what an ended search leaves to the next."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from throughline.tracking import FAILURE, PARENT
from throughline.tuning.trial import Trial

if TYPE_CHECKING:
    from mlflow.entities import Run

SEARCH = "throughline.search"
"""What a search is over, as a digest: one that was ended goes on where the next has the same."""
TRIAL = "throughline.trial"
"""A trial as its engine needs it to go on, as JSON."""
TUNING_METHOD = "tuning_method"
"""The run's parameter that says how; MLflow keeps the command line's word as ``method``."""
ADOPTED = "throughline.adopted_from"
STUDY = "throughline.study"
"""The name of Optuna's study, which goes on where the trials do."""

_LONGEST_TAG = 5000
_LONGEST_ERROR = 1000


class Children:
    """Logs trials as children of a search's run.

    A child is made when its trial has ended, so that a search killed in the middle of a trial
    leaves no child that seems to run. What is killed in the middle of logging, the next step ends.

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
        self._digest = digest
        self.study = f"{digest}-{self._parent}"
        self._client.set_tag(self._parent, SEARCH, digest)

    def log(self, trial: Trial, folds: tuple[str, Mapping[int, float]] | None = None) -> None:
        """Logs a trial as a child run, in three requests.

        Args:
            trial: The trial.
            folds: A metric of each fold, and its name; the folds are its steps.
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

    def adopted(self, most: int) -> list[Trial]:
        """The trials of searches over the same that were ended early; they become children here.

        They keep their numbers, which are below ``most``: a search of fewer trials would not have
        made the later ones. Those that failed are not among them: what made them fail may be
        mended.
        """
        found: dict[int, Trial] = {}
        for run in sorted(self._ended(), key=lambda run: run.info.start_time):
            for child in self._runs(f"tags.`{PARENT}` = '{run.info.run_id}'"):
                trial = _from_run(child)
                if trial is None or trial.number in found or trial.number >= most:
                    continue
                found[trial.number] = trial
                self._client.set_tag(child.info.run_id, ADOPTED, run.info.run_id)
                self._client.set_tag(child.info.run_id, PARENT, self._parent)
                self.study = run.data.tags.get(STUDY, self.study)
        self._client.set_tag(self._parent, STUDY, self.study)
        return [found[number] for number in sorted(found)]

    def give_up(self) -> None:
        """Leaves nothing to this search, nor to later ones, of those that were ended early."""
        for run in self._ended():
            self._client.delete_tag(run.info.run_id, SEARCH)

    def _ended(self) -> "list[Run]":
        """The searches over the same that were ended early."""
        query = f"tags.`{SEARCH}` = '{self._digest}'"
        return [r for r in self._runs(query) if r.info.status not in ("FINISHED", "RUNNING")]

    def _runs(self, query: str) -> "list[Run]":
        found = self._client.search_runs([self._experiment], query, max_results=10_000)
        return [run for run in found if run.info.run_id != self._parent]


def _as_tag(trial: Trial) -> str:
    kept = {
        "number": trial.number,
        "drawn": trial.drawn,
        "parameters": trial.parameters,
        "value": trial.value,
        "status": trial.status,
        "error": trial.error[:_LONGEST_ERROR],
    }
    text = json.dumps(kept)
    return text if len(text) <= _LONGEST_TAG else ""  # such a trial is made again


def _from_run(run: "Run") -> Trial | None:
    """The trial of a child run, if it finished or was pruned, and its run was logged whole."""
    if run.info.status == "RUNNING" or not (text := run.data.tags.get(TRIAL)):
        return None
    kept = json.loads(text)
    metrics = dict(run.data.metrics)
    if kept["status"] == "FAILED" or not metrics or kept["status"] != run.info.status:
        return None
    started, ended = (moment / 1000 for moment in (run.info.start_time, run.info.end_time))
    return Trial(**kept, metrics=metrics, started=started, ended=ended)
