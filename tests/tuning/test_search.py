"""The search by trials, whichever engine draws them."""

import logging
import time

import pytest

from tests.tuning.searches import ENGINES, changed, wanted
from throughline.errors import UserError


@pytest.mark.parametrize("engine", ENGINES)
def test_every_trial_is_a_child_run_and_the_best_one_is_found(searched, engine):
    space = {"max_depth": {"randint": [2, 6]}, "learning_rate": {"loguniform": [0.05, 0.5]}}
    found, trials = searched(wanted(engine=engine, **space))
    assert len(found.trials) == len(trials) == 4
    values = {run.data.metrics["validation_roc_auc"]: run for run in trials}
    assert found.value == max(values)
    chosen = values[found.value].data.params
    said = {"family": "xgboost", **found.parameters}
    assert {name: str(value) for name, value in said.items()} == chosen
    assert type(found.parameters["max_depth"]) is int
    assert {run.info.status for run in trials} == {"FINISHED"}
    assert all(run.info.end_time > run.info.start_time for run in trials)
    assert {"training_seconds", "boosting_rounds"} <= set(trials[0].data.metrics)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("algo", ["tpe", "random"])
def test_the_same_seed_finds_the_same(searched, engine, algo):
    asked = changed(
        wanted(engine=engine, max_evals=3, learning_rate={"uniform": [0.05, 0.5]}), algo=algo
    )
    assert searched(asked)[0].parameters == searched(asked)[0].parameters


def test_annealing(searched):
    asked = changed(wanted(learning_rate={"uniform": [0.05, 0.5]}), algo="anneal")
    assert len(searched(asked)[0].trials) == 4


@pytest.mark.parametrize("engine", ENGINES)
def test_a_trial_that_fails_is_marked_and_the_search_goes_on(searched, engine):
    asked = wanted(6, engine=engine, tree_method={"choice": ["hist", "no such method"]})
    found, trials = searched(asked)
    states = [run.info.status for run in trials]
    assert len(states) == 6
    assert set(states) == {"FINISHED", "FAILED"}
    errors = [run.data.tags.get("throughline.error", "") for run in trials]
    assert all(
        ("no such method" in e) == (s == "FAILED") for e, s in zip(errors, states, strict=True)
    )
    assert found.parameters["tree_method"] == "hist"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_search_whose_every_trial_fails_says_why(searched, engine):
    error, trials = searched(wanted(2, engine=engine, tree_method={"choice": ["no such method"]}))
    assert "Every trial of the search failed; the first error was: UserError" in str(error)
    assert "no such method" in str(error)
    assert [run.info.status for run in trials] == ["FAILED"] * 2


@pytest.mark.parametrize("engine", ENGINES)
def test_what_failed_is_tried_again_the_next_time(searched, engine, monkeypatch):
    from throughline.models.xgboost import XGBoost

    asked = wanted(2, engine=engine, gamma={"uniform": [0, 1]})

    def broken(*_):
        raise RuntimeError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(XGBoost, "train_watched", broken)
        error, _ = searched(asked)
    assert str(error).endswith("the first error was: RuntimeError: the disk is full")
    found, trials = searched(asked)
    assert [run.info.status for run in trials] == ["FINISHED"] * 2
    assert found.value > 0.5


@pytest.mark.parametrize("engine", ENGINES)
def test_several_families_in_one_search(searched, engine):
    options = [
        {"family": "xgboost", "n_estimators": 5, "max_depth": {"randint": [2, 4]}},
        {"family": "sklearn_linear", "C": {"loguniform": [0.1, 10]}},
    ]
    asked = wanted(8, {}, None, engine, model={"choice": options})
    found, trials = searched(asked)
    params = [run.data.params for run in trials]
    assert {p["family"] for p in params} == {"xgboost", "sklearn_linear"}
    assert all(("C" in p) == (p["family"] == "sklearn_linear") for p in params)
    assert found.family in ("xgboost", "sklearn_linear")


@pytest.mark.parametrize("engine", ENGINES)
def test_it_stops_where_nothing_gets_better(searched, engine):
    asked = wanted(30, engine=engine, max_depth={"choice": [3]})
    found, _ = searched(changed(asked, early_stop=3))
    assert len(found.trials) == 4  # the first is the best; three more are not better


@pytest.mark.parametrize("engine", ENGINES)
def test_it_stops_when_its_time_is_up(searched, engine):
    asked = wanted(10_000, engine=engine, max_depth={"randint": [2, 6]})
    began = time.monotonic()
    found, _ = searched(changed(asked, timeout=2))
    assert 0 < len(found.trials) < 10_000
    assert time.monotonic() - began < 30


def test_progress_is_told(searched, caplog):
    with caplog.at_level(logging.INFO, "throughline.tuning"):
        searched(wanted(2, max_depth={"randint": [2, 6]}))
    assert "trial 1 of 2: roc_auc 0." in caplog.text
    assert "s left" in caplog.text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (wanted(max_dept={"randint": [2, 4]}), "no parameter 'max_dept'; did you mean 'max_depth'"),
        (wanted(2, {}, "network", x={"choice": [1]}), "family network has no parameter 'x'"),
        (
            wanted(
                model={"choice": [{"x": 1}, {"family": "sklearn_linear", "C": {"uniform": [1, 2]}}]}
            ),
            "no parameter 'x'",
        ),
        (
            changed(
                wanted(2, {}, "spark_linear", maxIter={"randint": [2, 4]}),
                trials="spark",
            ),
            "spark_linear trains in processes of its own, which a task of Spark cannot start",
        ),
    ],
)  # fmt: skip
def test_refuses_a_search_that_cannot_be(searched, asked, message):
    error, trials = searched(asked)
    assert isinstance(error, UserError)
    assert message in str(error)
    assert trials == []


def test_a_family_of_spark_is_tried_one_at_a_time(searched, caplog):
    asked = wanted(2, {"maxIter": 3}, "spark_linear", regParam={"loguniform": [1e-4, 1e-1]})
    with caplog.at_level(logging.WARNING):
        found, trials = searched(changed(asked, trials="auto", parallelism=3))
    assert "parallelism 3 has no effect" in caplog.text
    assert len(found.trials) == len(trials) == 2


@pytest.mark.slow
def test_trials_run_on_sparks_workers_and_parallelism_beyond_the_trials_is_said(
    searched, spark, caplog
):
    asked = wanted(2, engine="hyperopt", tree_method={"choice": ["hist", "no such method"]})
    asked = changed(asked, trials="spark", parallelism=99, max_evals=6)
    with caplog.at_level(logging.WARNING):
        found, trials = searched(asked)
    at_a_time = min(spark.sparkContext.defaultParallelism, 6)
    assert f"{at_a_time} trials run at a time, not 99" in caplog.text
    assert {run.info.status for run in trials} == {"FINISHED", "FAILED"}
    assert len(trials) == len(found.trials) == 6
    failed = next(run for run in trials if run.info.status == "FAILED")
    assert "no such method" in failed.data.tags["throughline.error"]


@pytest.mark.slow
def test_optunas_trials_run_in_threads(searched):
    asked = wanted(4, {"n_estimators": 5}, engine="optuna", max_depth={"randint": [2, 6]})
    found, trials = searched(changed(asked, parallelism=2))
    assert len(found.trials) == len(trials) == 4


@pytest.mark.slow
def test_time_is_up_for_trials_on_sparks_workers_too(searched):
    asked = wanted(3, {"n_estimators": 200_000, "early_stopping_rounds": 0}, x={"choice": [1]})
    asked = changed(asked, space={"max_depth": {"choice": [4]}}, trials="spark", timeout=8)
    began = time.monotonic()
    error, trials = searched(asked)
    assert time.monotonic() - began < 60
    assert isinstance(error, UserError)
    assert {run.info.status for run in trials} == {"KILLED"}
    assert all(run.data.params["max_depth"] == "4" for run in trials)


def test_hyperband(searched):
    asked = wanted(4, engine="optuna", max_depth={"randint": [2, 6]})
    found, _ = searched(changed(asked, pruner="hyperband"))
    assert len(found.trials) == 4


def test_trials_that_fall_behind_are_ended_early(searched):
    asked = wanted(
        12,
        {"n_estimators": 60, "early_stopping_rounds": 60},
        engine="optuna",
        min_child_weight={"choice": [1, 2, 3, 4, 1000]},  # with the latter, no tree has a split
    )
    found, trials = searched(changed(asked, pruner="median"))
    states = {run.info.status for run in trials}
    assert states == {"FINISHED", "KILLED"}
    assert found.parameters["min_child_weight"] < 1000
    told = [run.data.tags.get("throughline.error") for run in trials if run.info.status == "KILLED"]
    assert all("fell behind after" in reason for reason in told)
