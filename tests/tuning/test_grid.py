"""Spark's validators over a recipe's grid."""

import json
import logging

import mlflow
import numpy as np
import pytest

from throughline.errors import UserError
from throughline.prepared import PreparedTable
from throughline.recipe.file import parse_recipe
from throughline.recipe.search import GridSearch
from throughline.tuning.grid import search_grid

GRID = {"maxIter": [2, 5], "regParam": [0.001, 0.1]}
METHODS = ("cross_validation", "train_validation_split")


def wanted(grid=GRID, family="spark_linear", **settings):
    return GridSearch(family=family, grid=grid, **settings)


@pytest.fixture
def searched(in_run, children_of):
    def run(table, asked, method="cross_validation"):
        found, parent = in_run(lambda run: search_grid(table, asked, method, run))
        return found, children_of(parent), parent

    return run


@pytest.mark.slow
def test_each_set_of_parameters_is_a_child_run_with_the_metric_of_each_fold(
    searched, store, prepared
):
    found, runs, parent = searched(prepared, wanted(numFolds=3, parallelism=2))
    trials, trained = found
    assert len(trials) == len(runs) == 4
    for trial, run in zip(trials, runs, strict=True):
        steps = store.get_metric_history(run.info.run_id, "held_out_roc_auc")
        folds = [one.value for one in sorted(steps, key=lambda one: one.step)]
        assert [one.step for one in sorted(steps, key=lambda one: one.step)] == [0, 1, 2]
        assert run.data.metrics["mean_roc_auc"] == pytest.approx(np.mean(folds))
        assert run.data.metrics["std_roc_auc"] == pytest.approx(np.std(folds))
        assert trial.value == pytest.approx(np.mean(folds))
        assert run.data.params["regParam"] == str(trial.parameters["regParam"])
        assert run.data.params["family"] == "spark_linear"
        assert run.info.status == "FINISHED"
    best = max(trials, key=lambda trial: trial.value)
    chosen = {name: trained.parameters[name] for name in GRID}
    assert chosen == {name: best.parameters[name] for name in GRID}
    params = store.get_run(parent.info.run_id).data.params
    own = {"tuning_method": "cross_validation", "numFolds": "3", "parallelism": "2", "seed": "7"}
    assert own.items() <= params.items()
    explained = mlflow.artifacts.load_text(f"runs:/{parent.info.run_id}/explain_params.txt")
    assert "regParam: regularization parameter" in explained


def test_the_best_one_is_the_family_trained_on_all_training_rows(searched, prepared):
    from throughline.models.spark_linear import SparkLinear

    (_, trained), *_ = searched(prepared, wanted(), "train_validation_split")
    directly = SparkLinear().train(prepared, trained.parameters)
    columns = prepared.columns("test")
    own, other = (one.estimator.predict(columns) for one in (trained, directly))
    assert np.abs(own - other).max() < 1e-6
    assert trained.metrics["rows_scored_otherwise"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_what_is_held_out_comes_later_where_the_split_is_by_time(prepared, spark, method):
    from throughline.tuning.grid import _rows
    from throughline.tuning.validators import RuledCrossValidator

    rows = _rows(prepared, wanted(numFolds=3, trainRatio=0.8), method, True)
    when = {
        fold: [row["t"] for row in rows.where(rows["__held_out"] == fold).select("t").collect()]
        for fold in range(4 if method == "cross_validation" else 2)
    }
    if method == "train_validation_split":
        assert max(when[1]) <= min(when[0])
        assert len(when[1]) / rows.count() == pytest.approx(0.8, abs=0.05)
        return
    pairs = RuledCrossValidator(True, numFolds=3)._kFold(rows)
    assert len(pairs) == 3
    for train, held_out in pairs:
        last = max(row["t"] for row in train.select("t").collect())
        assert last <= min(row["t"] for row in held_out.select("t").collect())
    sizes = [len(values) for values in when.values()]
    assert max(sizes) - min(sizes) <= 2


@pytest.fixture(scope="module")
def grouped(spark, small_recipe_text, small_table, tmp_path_factory):
    """A preparation split by groups, whose plan learns from the label."""
    from throughline.outputs import Output
    from throughline.preparation import prepare

    text = small_recipe_text.replace("TABLE", str(small_table))
    text = text.replace(
        "split: {by: t, test_from: 2013-01-09, validation: 0.2}",
        "split: {group: {by: [n, odd name], test: 0.3, validation: 0.2}}",
    ).replace("one_hot: {columns: [odd name]}", "target_mean: {columns: [odd name]}")
    recipe = parse_recipe(text)
    output = Output.below(str(tmp_path_factory.mktemp("grouped")), "prepared")
    prepare(spark, recipe, output, "unused", row_groups=2)
    return PreparedTable.open(output.uri)


@pytest.mark.slow
def test_groups_stay_whole_and_a_plan_that_learns_from_the_label_is_learnt_anew(
    searched, grouped, caplog
):
    from throughline.tuning.grid import _rows

    asked = wanted({"maxIter": [2, 3]}, numFolds=2)
    rows = _rows(grouped, asked, "cross_validation", True)
    found = rows.select("n", "odd name", "__held_out").collect()
    assert len({tuple(row) for row in found}) == len({tuple(row)[:2] for row in found})
    assert len({row["__held_out"] for row in found}) == 2
    with caplog.at_level(logging.INFO):
        found, runs, _ = searched(grouped, asked)
    assert not isinstance(found, UserError), found
    assert "the plan learns from the label, so it is learnt anew in every fold" in caplog.text
    assert len(runs) == 2


@pytest.mark.slow
def test_a_plan_that_is_learnt_anew_learns_from_the_folds_training_rows_alone(
    searched, prepared, monkeypatch
):
    from throughline.tuning import fold_estimator

    learnt = []
    fit = fold_estimator.fit_plan

    def watched(ops, training, selection):
        plan = fit(ops, training, selection)
        learnt.append((training.count(), json.loads(plan.to_json())))
        return plan

    monkeypatch.setattr(fold_estimator, "fit_plan", watched)
    asked = wanted({"maxIter": [2, 5]}, numFolds=2, refit_plan=True)
    (trials, trained), runs, _ = searched(prepared, asked)
    assert len(trials) == len(runs) == 2
    counts = [count for count, _ in learnt]
    assert len(counts) == 3  # once a fold, whatever the grid's size, and once for the best
    assert counts[0] < counts[1] < counts[2]
    assert learnt[2][1]["ops"] == json.loads(prepared.plan.to_json())["ops"]
    assert learnt[0][1]["ops"] != learnt[2][1]["ops"]
    assert trained.metrics["rows_scored_otherwise"] == 0


@pytest.mark.slow
def test_a_grid_of_what_is_no_parameter_of_sparks(searched, prepared):
    (trials, trained), *_ = searched(
        prepared,
        wanted({"hidden": [[2], [4]]}, "spark_perceptron", parameters={"maxIter": 3}),
        "train_validation_split",
    )
    assert [trial.parameters["hidden"] for trial in trials] == [[2], [4]]
    assert trained.parameters["hidden"] in ([2], [4])


@pytest.mark.slow
@pytest.mark.parametrize("way", ["smote: {ratio: 0.9}", "class_weight: balanced"])
def test_only_the_rows_trained_on_are_balanced(
    searched, spark, small_recipe_text, small_table, tmp_path, way, monkeypatch
):
    from throughline.outputs import Output
    from throughline.preparation import prepare
    from throughline.tuning import fold_estimator

    text = small_recipe_text.replace("TABLE", str(small_table)) + f"balance: {{{way}}}\n"
    output = Output.below(str(tmp_path), "prepared")
    prepare(spark, parse_recipe(text), output, "unused", row_groups=2)
    table = PreparedTable.open(output.uri)
    seen = []
    balance = fold_estimator.balanced

    def watched(rows, layout, asked):
        seen.append(rows.count())
        return balance(rows, layout, asked)

    monkeypatch.setattr(fold_estimator, "balanced", watched)
    (trials, _), *_ = searched(table, wanted({"maxIter": [2]}, numFolds=2))
    assert len(trials) == 1
    real = table.output.manifest()["rows"]["train"]
    assert seen[0] < seen[1] < seen[2] == real


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (wanted({"maxIterr": [1]}), "no parameter 'maxIterr'; did you mean 'maxIter'"),
    ],
)
def test_refuses_a_grid_that_cannot_be(searched, prepared, asked, message):
    error, runs, _ = searched(prepared, asked)
    assert isinstance(error, UserError)
    assert message in str(error)
    assert runs == []


def test_refuses_a_metric_that_sparks_evaluators_do_not_have(prepared):
    from throughline.models.spark_check import evaluator_of

    with pytest.raises(UserError, match="do not compute 'brier' .* log_loss, pr_auc, roc_auc"):
        evaluator_of("brier", prepared.layout)


@pytest.mark.parametrize(
    ("table", "rows", "method", "message"),
    [
        ("prepared", [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)], METHODS[0], "in fold 1 have only"),
        (
            "prepared",
            [(0, 0), (0, 1), (1, 0), (1, 1)],
            METHODS[0],
            "No rows are held out in fold 2",
        ),
        (
            "prepared",
            [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)],
            METHODS[0],
            "to train on in the first",
        ),
        (
            "grouped",
            [(0, 0), (0, 1), (1, 0)],
            METHODS[0],
            "held out in fold 2 have only the class '0'",
        ),
        ("grouped", [(1, 0), (1, 1)], METHODS[1], "No rows are held out in fold 1"),
        ("prepared", [(0, 0), (0, 1), (1, 1)], METHODS[1], "to train on in the first fold"),
    ],
)
def test_a_fold_that_cannot_be_measured_is_refused(request, spark, table, rows, method, message):
    from throughline.tuning.grid import _check_folds

    found = request.getfixturevalue(table)
    made = spark.createDataFrame(rows, ["__held_out", found.layout.label])
    with pytest.raises(UserError, match=message):
        _check_folds(made, found, method, 2 if method == METHODS[0] else 1)


def test_parameters_that_fail_are_a_failed_child_and_the_others_go_on(searched, prepared):
    asked = wanted({"maxIter": [-1, 3]}, numFolds=2)
    (trials, trained), runs, _ = searched(prepared, asked)
    assert [trial.status for trial in trials] == ["FAILED", "FINISHED"]
    assert [run.info.status for run in runs] == ["FAILED", "FINISHED"]
    assert "maxIter" in runs[0].data.tags["throughline.error"]
    assert trained.parameters["maxIter"] == 3


def test_a_grid_whose_every_set_fails_says_why(searched, prepared):
    error, runs, _ = searched(prepared, wanted({"maxIter": [-1, -2]}, numFolds=2))
    assert "Every set of parameters of the grid failed; the first error was:" in str(error)
    assert "maxIter" in str(error)
    assert [run.info.status for run in runs] == ["FAILED", "FAILED"]


def test_a_reason_is_one_line():
    from throughline.tuning.fits import reason_of

    assert reason_of(ValueError("\n  it broke\n  at line 3")) == "ValueError: it broke"
    assert "use fewer folds" in reason_of(RuntimeError("null while assembling a row"))
