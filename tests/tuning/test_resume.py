"""Searches that were killed: what they leave, and how the next goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tuning.searches import ENGINES, changed, wanted
from throughline.lost_runs import end_lost_runs
from throughline.tuning.children import ADOPTED, SEARCH, STUDY
from throughline.tuning.search import _storage, search

ROOT = Path(__file__).parents[2]

SCRIPT = """
import os, signal, sys
from throughline.prepared import PreparedTable
from throughline.recipe.search import Search
from throughline.tracking import step_run
from throughline.tuning import children
from throughline.tuning.search import search

table, wanted, after = PreparedTable.open(sys.argv[1]), sys.argv[2], int(sys.argv[3])
logged = children.Children.log

def log(self, trial, folds=None):
    if trial.number == after:  # in the middle of logging one more
        self._client.set_terminated = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    logged(self, trial, folds)

children.Children.log = log
with step_run("tune") as run:
    search(table, Search.model_validate_json(wanted), run)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_a_killed_search_goes_on_from_its_trials(searched, store, prepared, engine):
    import mlflow

    asked = wanted(5, engine=engine, learning_rate={"uniform": [0.05, 0.5]})
    whole = searched(asked)[0]
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(),
        "PYTHONPATH": str(ROOT),
    }
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, prepared.output.uri, asked.model_dump_json(), "3"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    running, *open_children = store.search_runs(
        ["0"], "attributes.status = 'RUNNING'", order_by=["start_time"]
    )
    assert SEARCH in running.data.tags
    assert [run.info.run_name for run in open_children] == ["trial 4"]
    assert len(end_lost_runs("0")) == 2
    found, trials = searched(asked)
    assert len(trials) == len(found.trials) == 5
    adopted = [run for run in trials if ADOPTED in run.data.tags]
    assert [run.data.tags[ADOPTED] for run in adopted] == [running.info.run_id] * 3
    assert store.get_run(running.info.run_id).info.status == "KILLED"
    assert not store.search_runs(["0"], "attributes.status = 'RUNNING'")
    drawn = [trial.parameters["learning_rate"] for trial in found.trials]
    assert len(set(drawn)) == 5
    assert len({run.info.run_name for run in trials}) == 5
    if engine == "hyperopt":  # its draws depend on the seed and the trials alone
        assert drawn == [trial.parameters["learning_rate"] for trial in whole.trials]
    again, others = searched(asked)
    assert len(again.trials) == len(others) == 5
    assert not any(ADOPTED in run.data.tags for run in others)


def test_a_study_that_lost_its_file_draws_what_was_not_drawn(searched, store, prepared):
    asked = wanted(2, engine="optuna", learning_rate={"uniform": [0.05, 0.5]})
    _, trials = searched(asked)
    store.set_terminated(trials[0].data.tags["mlflow.parentRunId"], "KILLED")
    _storage(prepared).unlink()
    found, _ = searched(changed(asked, max_evals=4))
    assert sorted(trial.number for trial in found.trials) == [0, 1, 2, 3]
    assert len({trial.parameters["learning_rate"] for trial in found.trials}) == 4


def test_a_search_goes_on_from_trials_of_the_same_code_alone(in_run, children_of, store, prepared):
    asked = wanted(2, max_depth={"choice": [2, 3, 4]})

    def searched_by(code, anew=False):
        """The numbers of the trials that were adopted by a search that is ended afterwards."""
        _, run = in_run(lambda run: search(prepared, asked, run, code=code, anew=anew))
        store.set_terminated(run.info.run_id, "KILLED")
        children = children_of(run)
        assert len(children) == 2
        return sum(ADOPTED in child.data.tags for child in children)

    assert searched_by("first") == 0
    assert searched_by("second") == 0
    assert searched_by("first") == 2
    assert searched_by("first", anew=True) == 0
    assert searched_by("first") == 2  # those made anew, which moved; the older ones are given up
    assert searched_by("second") == 2


def test_a_search_made_anew_is_gone_on_with_by_its_own_study(in_run, children_of, store, prepared):
    asked = wanted(2, engine="optuna", learning_rate={"uniform": [0.05, 0.5]})
    studies = []
    for anew in (False, True, False):
        _, run = in_run(lambda run, anew=anew: search(prepared, asked, run, code="x", anew=anew))
        store.set_terminated(run.info.run_id, "KILLED")
        studies.append(store.get_run(run.info.run_id).data.tags[STUDY])
    assert studies[0] != studies[1] == studies[2]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_search_would_not_have_made_is_not_gone_on_with(searched, store, engine):
    asked = wanted(6, engine=engine, max_depth={"choice": [3]})

    def numbers(asked):
        """The trials of a search that is ended afterwards, and how many of them were adopted."""
        found, trials = searched(asked)
        store.set_terminated(trials[0].data.tags["mlflow.parentRunId"], "KILLED")
        adopted = sum(ADOPTED in trial.data.tags for trial in trials)
        return sorted(trial.number for trial in found.trials), adopted

    assert numbers(asked) == ([0, 1, 2, 3, 4, 5], 0)
    assert numbers(changed(asked, max_evals=4)) == ([0, 1, 2, 3], 4)
    patient = changed(asked, early_stop=2)
    assert numbers(patient) == ([0, 1, 2], 0)
    assert numbers(patient) == ([0, 1, 2], 3)
