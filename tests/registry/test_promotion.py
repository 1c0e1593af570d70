"""Who becomes the champion, and who does not."""

from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from throughline.errors import UserError
from throughline.evaluation.bootstrap import intervals
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout
from throughline.recipe.candidates import Promote
from throughline.registry.on_test import OnTest, scores_of
from throughline.registry.promotion import best_candidate, judge
from throughline.registry.roles import champion_of

VALUE = Layout(features=(), label="y", task="regression")
AUC = Promote(at_least={"roc_auc": 0.7})


def run(**metrics):
    return SimpleNamespace(data=SimpleNamespace(metrics=metrics))


def test_the_first_that_reaches_the_bar_is_champion():
    verdict = judge("roc_auc", AUC, {"roc_auc": 0.7}, None)
    assert (verdict.promoted, verdict.reason) == (True, "the first champion, roc_auc 0.7000")


def test_who_does_not_reach_the_bar_is_not():
    verdict = judge("roc_auc", AUC, {"roc_auc": 0.69}, None)
    assert (verdict.promoted, verdict.reason) == (False, "roc_auc 0.6900 does not reach 0.7")


@pytest.mark.parametrize(("value", "promoted"), [(0.81, True), (0.8, False), (0.79, False)])
def test_only_a_better_one_beats_the_champion(value, promoted):
    verdict = judge("roc_auc", AUC, {"roc_auc": value}, {"roc_auc": 0.8})
    assert verdict.promoted is promoted
    assert "against the champion's 0.8000" in verdict.reason


@pytest.mark.parametrize(
    ("metric", "difference", "promoted"),
    [
        ("roc_auc", (0.001, 0.02), True),
        ("roc_auc", (-0.001, 0.02), False),  # better, but it may be chance
        ("roc_auc", (0.0, 0.02), False),
        ("log_loss", (-0.02, -0.001), True),
        ("log_loss", (-0.02, 0.001), False),
    ],
)
def test_a_difference_that_may_be_none_is_a_tie(metric, difference, promoted):
    better_one, champion = (0.81, 0.8) if metric == "roc_auc" else (0.39, 0.4)
    verdict = judge(metric, Promote(), {metric: better_one}, {metric: champion}, difference)
    assert verdict.promoted is promoted
    low, high = difference
    assert f"95 % of the difference between {low:+.4f} and {high:+.4f}" in verdict.reason


def test_two_models_on_the_same_rows_differ_by_less_than_each_may_be_off():
    draw = np.random.default_rng(3)
    labels = draw.normal(size=(2000, 1))
    hard = draw.exponential(size=(2000, 1))  # rows that are hard for both

    def on_rows(error):
        measure = measure_of(labels[:, 0], labels + hard + error, VALUE)
        return OnTest(measure(np.ones(2000)), measure, np.arange(2000))

    one, other = on_rows(0.0), on_rows(0.1)
    low, high = other.differs_from(one, "mae")
    assert 0.09 < low < 0.1 < high < 0.11
    own_low, own_high = intervals(one.measure, one.blocks, 400)["mae"]
    assert high - low < (own_high - own_low) / 4
    assert one.differs_from(one, "mae") == (0.0, 0.0)
    few = OnTest(one.figures, one.measure, np.arange(2000) // 500)
    assert few.differs_from(few, "mae") is None


def test_less_is_better_for_errors():
    rule = Promote(at_least={"rmse": 10})
    assert judge("rmse", rule, {"rmse": 8.0}, {"rmse": 9.0}).promoted
    assert not judge("rmse", rule, {"rmse": 9.5}, {"rmse": 9.0}).promoted
    assert not judge("rmse", rule, {"rmse": 10.5}, None).promoted


def test_a_rule_that_does_not_ask_to_beat_the_champion_says_so():
    rule = Promote(beat_champion=False)
    verdict = judge("roc_auc", rule, {"roc_auc": 0.7}, {"roc_auc": 0.8})
    assert verdict.promoted
    assert verdict.reason.startswith("the rule does not ask to beat the champion")


def test_the_best_candidate_is_the_best_on_validation():
    runs = [run(validation_rmse=3.0), run(validation_rmse=2.0), run(validation_mae=0.1)]
    assert best_candidate(runs, "rmse") is runs[1]
    with pytest.raises(UserError, match="No candidate with validation_r2 is among the 3"):
        best_candidate(runs, "r2")


def test_no_model_and_no_alias_are_no_champion(store):
    assert champion_of("late") is None
    store.create_registered_model("late")
    assert champion_of("late") is None


def test_a_registry_that_does_not_answer_is_no_empty_one(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    try:
        with pytest.raises(MlflowException):
            champion_of("late")
    finally:
        mlflow.set_tracking_uri(before)


def test_scores_of_the_three_kinds_of_answer():
    binary = pd.DataFrame({"prediction": [1], "probability": [0.7], "threshold": [0.5]})
    classes = pd.DataFrame({"prediction": ["b"], "probability_a": [0.2], "probability_b": [0.8]})
    assert scores_of(binary).tolist() == [[0.7]]
    assert scores_of(classes).tolist() == [[0.2, 0.8]]
    assert scores_of(pd.DataFrame({"prediction": [3.5]})).tolist() == [[3.5]]
