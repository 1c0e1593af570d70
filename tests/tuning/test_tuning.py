"""Tuning as the step calls it: by the recipe, with a page, and a model of all rows on demand."""

import mlflow
import numpy as np
import pytest

from throughline.candidate import log_candidate, log_refitted
from throughline.errors import UserError
from throughline.models.families import FAMILIES
from throughline.prepared import EveryRow, PreparedTable
from throughline.registry.promotion import promote
from throughline.tracking import CANDIDATE, REFITTED, candidates_of
from throughline.tuning.tuning import tune

SEARCH = """
search:
  family: xgboost
  trials: local
  max_evals: 5
  parameters: {n_estimators: 20, early_stopping_rounds: 5, min_child_weight: 1}
  space: {max_depth: {randint: [2, 5]}, learning_rate: {loguniform: [0.05, 0.5]}}
"""
GRID = "grid_search: {family: spark_linear, grid: {maxIter: [2, 3]}, numFolds: 2}\n"


@pytest.fixture(scope="module")
def table_of(spark, small_recipe_text, small_table, tmp_path_factory):
    """Prepares the small table with more lines in its recipe."""
    from throughline.outputs import Output
    from throughline.preparation import prepare
    from throughline.recipe.file import parse_recipe

    def prepared(more, changed=lambda text: text):
        text = changed(small_recipe_text).replace("TABLE", str(small_table)) + more
        output = Output.below(str(tmp_path_factory.mktemp("root")), "prepared", "small", "run")
        prepare(spark, parse_recipe(text), output, "unused", row_groups=2)
        return PreparedTable.open(output.uri)

    return prepared


@pytest.fixture(scope="module")
def both_ways(table_of):
    return table_of(SEARCH + GRID)


def page_of(run):
    return mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/tuning/tuning.html")


def test_a_search_has_a_page_and_its_settings(in_run, both_ways, store):
    tuned, run = in_run(lambda run: tune(both_ways, run))
    assert (tuned.family, tuned.title, tuned.refit) == ("xgboost", "tuned xgboost", "train")
    assert "5 of 5 trials finished, measured on the validation rows" in page_of(run)
    logged = store.get_run(run.info.run_id).data
    assert logged.params["search.algo"] == "tpe"
    assert logged.metrics["trials_finished"] == 5
    scores = tuned.trained.estimator.predict(both_ways.columns("validation"))
    labels = both_ways.columns("validation")[both_ways.layout.label]
    from sklearn.metrics import roc_auc_score

    assert logged.metrics["best_validation"] == pytest.approx(roc_auc_score(labels, scores[:, 0]))


def test_a_grid_has_a_page_too(in_run, both_ways):
    tuned, run = in_run(lambda run: tune(both_ways, run, "train_validation_split"))
    assert tuned.family == "spark_linear"
    assert "2 of 2 trials finished, measured on the rows held out" in page_of(run)


def test_the_command_line_changes_the_search(in_run, both_ways, store):
    overrides = "search.engine=optuna,search.algo=random"
    _, run = in_run(lambda run: tune(both_ways, run, "hyperopt", 2, overrides))
    logged = store.get_run(run.info.run_id).data
    assert logged.params["search.engine"] == "optuna"
    assert logged.metrics["trials_finished"] == 2


@pytest.mark.parametrize(
    ("more", "method", "message"),
    [
        ("", "recipe", "has no 'grid_search'; add one"),
        (GRID, "hyperopt", "has no 'search'; add one, or tune its 'grid_search'"),
        (SEARCH, "cross_validation", "has no 'grid_search'; add one"),
    ],
)
def test_refuses_what_the_recipe_does_not_say(in_run, table_of, more, method, message):
    error, _ = in_run(lambda run: tune(table_of(more), run, method))
    assert isinstance(error, UserError)
    assert message in str(error)


@pytest.mark.slow
def test_a_model_of_all_rows_is_what_is_registered(in_run, table_of, store):
    table = table_of(SEARCH + "  refit: all\npromote: {at_least: {roc_auc: 0.5}}\n")

    def tuned(run):
        found = tune(table, run)
        assert found.refit == "all"
        threshold = log_candidate(table, found.trained, found.title).metrics["threshold"]
        return log_refitted(table, FAMILIES[found.family], found.trained, found.title, threshold)

    uri, run = in_run(tuned)
    assert not isinstance(uri, UserError), uri
    candidate = store.get_run(run.info.run_id)
    assert candidate.data.tags[REFITTED] == uri
    assert [one.info.run_id for one in candidates_of(run.info.run_id)] == [run.info.run_id]
    (refit,) = store.search_runs(["0"], "tags.`throughline.refit` = 'all'")
    assert CANDIDATE not in refit.data.tags
    names = set(refit.data.metrics)
    assert {"test_roc_auc", "test_roc_auc_low", "threshold"} <= names
    assert not [name for name in names if name.startswith("validation_")]
    assert refit.data.metrics["boosting_rounds"] == candidate.data.metrics["boosting_rounds"]
    assert refit.data.metrics["threshold"] == candidate.data.metrics["threshold"]
    registered = promote("refitted", candidate, table)
    version = store.get_model_version("refitted", registered.version)
    assert version.tags["refit"] == "all"
    assert registered.metrics["roc_auc"] == pytest.approx(refit.data.metrics["test_roc_auc"])


def test_every_row_is_training_and_validation_rows(prepared):
    every = EveryRow(prepared.output)
    train, validation = prepared.columns("train"), prepared.columns("validation")
    for name, values in every.columns("train").items():
        np.testing.assert_array_equal(values, np.concatenate([train[name], validation[name]]))
    assert every.rows["train"] == prepared.rows["train"] + prepared.rows["validation"]
    assert every.rows["test"] == prepared.rows["test"]
    from throughline.spark import session

    assert every.on_spark(session(), "train").count() == every.rows["train"]


def test_rows_that_were_not_balanced_weigh_one(table_of):
    table = table_of("balance: {class_weight: {'0': 2.0, '1': 4.0}}\n")
    every = EveryRow(table.output)
    weights = every.columns("train")[table.layout.weight]
    assert set(weights[table.rows["train"] :]) == {1.0}
    assert set(weights[: table.rows["train"]]) == {2.0, 4.0}


@pytest.mark.parametrize("family", ["xgboost", "sklearn_boosting", "torch", "spark_linear"])
def test_a_family_trains_as_long_without_validation_rows(prepared, family):
    short = {
        "xgboost": {"n_estimators": 60, "early_stopping_rounds": 3, "min_child_weight": 1},
        "sklearn_boosting": {"max_iter": 60, "n_iter_no_change": 3},
        "torch": {"epochs": 12, "patience": 2, "hidden": [8]},
    }
    first = FAMILIES[family].train(prepared, short.get(family, {}))
    again = FAMILIES[family].train(EveryRow(prepared.output), {**first.parameters, **first.settled})
    for name in ("boosting_rounds", "epochs_run"):
        if name == "epochs_run" and name in again.metrics:
            assert again.metrics[name] == first.metrics["best_epoch"]
        elif name in again.metrics:
            assert again.metrics[name] == first.metrics[name]
    columns = prepared.columns("test")
    one, other = (each.estimator.predict(columns) for each in (first, again))
    assert np.abs(one - other).max() > 0
