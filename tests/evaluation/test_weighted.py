"""The weighted metrics against scikit-learn's, which take sample weights too."""

import numpy as np
import pytest
from sklearn import metrics as sk

from throughline.evaluation.decisions import Decisions
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout
from throughline.recipe.threshold import Cost

BINARY = Layout(features=(), label="y", task="classification", classes=("0", "1"))
THREE = Layout(features=(), label="y", task="classification", classes=("a", "b", "c"))
VALUE = Layout(features=(), label="y", task="regression")


@pytest.fixture(params=[0, 1, 2])
def weights(request):
    """Ones, resampling counts, and a slice."""
    draw = np.random.default_rng(3)
    return [np.ones(300), draw.poisson(1.0, 300), draw.integers(0, 2, 300)][request.param] * 1.0


@pytest.mark.parametrize("decimals", [1, 12])  # with ties, and without
def test_binary(weights, decimals):
    draw = np.random.default_rng(7)
    scores = np.round(draw.random(300), decimals)
    labels = (draw.random(300) < scores).astype(np.int32)
    said = (scores >= 0.3).astype(int)
    cost = Cost(false_positive=1, false_negative=5)
    found = measure_of(labels, scores[:, None], BINARY, Decisions(0.3, cost))(weights)
    w = {"sample_weight": weights}
    negative, positive = sk.confusion_matrix(labels, said, **w)
    assert found == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(labels, scores, **w),
            "pr_auc": sk.average_precision_score(labels, scores, **w),
            "log_loss": sk.log_loss(labels, scores, **w),
            "brier": sk.brier_score_loss(labels, scores, **w),
            "positive_rate": np.average(labels, weights=weights),
            "accuracy": sk.accuracy_score(labels, said, **w),
            "f1": sk.f1_score(labels, said, **w),
            "precision": sk.precision_score(labels, said, **w),
            "recall": sk.recall_score(labels, said, **w),
            "cost": (negative[1] + 5 * positive[0]) / weights.sum(),
        }
    )


def test_more_classes(weights):
    draw = np.random.default_rng(7)
    scores = draw.dirichlet([1, 1, 1], 300)
    labels = np.array([draw.choice(3, p=row) for row in scores])
    said = scores.argmax(axis=1)
    w = {"sample_weight": weights}
    assert measure_of(labels, scores, THREE)(weights) == pytest.approx(
        {
            "log_loss": sk.log_loss(labels, scores, **w),
            "accuracy": sk.accuracy_score(labels, said, **w),
            "f1": sk.f1_score(labels, said, average="macro", **w),
            "roc_auc": np.mean(
                [sk.roc_auc_score(labels == c, scores[:, c], **w) for c in range(3)]
            ),
        }
    )


def test_regression(weights):
    draw = np.random.default_rng(7)
    labels = 1e6 + draw.normal(size=300)
    values = labels + draw.normal(size=300)
    w = {"sample_weight": weights}
    assert measure_of(labels, values[:, None], VALUE)(weights) == pytest.approx(
        {
            "rmse": sk.root_mean_squared_error(labels, values, **w),
            "mae": sk.mean_absolute_error(labels, values, **w),
            "r2": sk.r2_score(labels, values, **w),
        }
    )


def test_what_the_rows_do_not_define_is_not_a_number():
    measure = measure_of(np.array([0, 0, 1]), np.array([[0.1], [0.4], [0.9]]), BINARY)
    one_class = measure(np.array([1.0, 1.0, 0.0]))
    assert np.isnan([one_class["roc_auc"], one_class["pr_auc"]]).all()
    assert one_class["brier"] == pytest.approx((0.01 + 0.16) / 2)
    constant = measure_of(np.array([2.0, 2.0]), np.array([[1.0], [2.0]]), VALUE)(np.ones(2))
    assert np.isnan(constant["r2"]) and constant["mae"] == 0.5
