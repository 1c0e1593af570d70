import numpy as np
import pytest

from throughline.errors import UserError
from throughline.evaluation.decisions import Decisions
from throughline.evaluation.metrics import better, metrics
from throughline.features.layout import Layout

BINARY = Layout(features=(), label="y", task="classification", classes=("0", "1"))
THREE = Layout(features=(), label="y", task="classification", classes=("a", "b", "c"))
VALUE = Layout(features=(), label="y", task="regression")
LABELS = np.array([0, 0, 1, 1])
SCORES = np.array([[0.1], [0.4], [0.35], [0.8]])


def test_binary():
    found = metrics(LABELS, SCORES, BINARY, Decisions(0.35))
    assert found["roc_auc"] == 0.75
    assert found["pr_auc"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.16 + 0.4225 + 0.04) / 4)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.35, 0.8]).mean())
    assert (found["precision"], found["recall"]) == (pytest.approx(2 / 3), 1.0)
    assert (found["accuracy"], found["f1"], found["positive_rate"]) == (
        0.75,
        pytest.approx(0.8),
        0.5,
    )


def test_without_a_threshold_no_decision_is_counted():
    assert set(metrics(LABELS, SCORES, BINARY)) == {
        "roc_auc", "pr_auc", "log_loss", "brier", "positive_rate",
    }  # fmt: skip


def test_more_classes_of_which_one_is_in_no_row():
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1]])
    found = metrics(np.array([0, 1, 1]), scores, THREE)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["roc_auc"] == 1.0
    assert found["log_loss"] == pytest.approx(-np.log([0.7, 0.8, 0.4]).mean())


def test_regression():
    found = metrics(np.array([1.0, 2.0, 6.0]), np.array([[1.0], [4.0], [6.0]]), VALUE)
    assert found == pytest.approx({"rmse": (4 / 3) ** 0.5, "mae": 2 / 3, "r2": 1 - 4 / 14})


def test_refuses_rows_of_one_class():
    with pytest.raises(UserError, match="hold one class only; take more rows"):
        metrics(np.zeros(4, dtype=int), SCORES, BINARY)


@pytest.mark.parametrize(
    ("metric", "one", "other", "wins"),
    [("roc_auc", 0.8, 0.7, True), ("roc_auc", 0.8, 0.8, False), ("rmse", 1, 2, True),
     ("log_loss", 0.3, 0.2, False), ("r2", 0.5, -1, True)],
)  # fmt: skip
def test_better(metric, one, other, wins):
    assert better(metric, one, other) is wins
