import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score

from throughline.evaluation.curves import POINTS, curves_of
from throughline.features.layout import Layout

BINARY = Layout(features=(), label="y", task="classification", classes=("0", "1"))
THREE = Layout(features=(), label="y", task="classification", classes=("a", "b", "c"))
VALUE = Layout(features=(), label="y", task="regression")


def test_few_points_keep_the_area():
    draw = np.random.default_rng(7)
    scores = draw.random((5000, 1))
    labels = (draw.random(5000) < scores[:, 0]).astype(int)
    roc = curves_of(labels, scores, BINARY)["roc"]
    xs, ys = roc["false positive rate"], roc["recall"]
    assert len(xs) <= POINTS + 1 and (xs[0], ys[0], xs[-1], ys[-1]) == (0, 0, 1, 1)
    assert auc(xs, ys) == pytest.approx(roc_auc_score(labels, scores[:, 0]), abs=0.003)


def test_precision_and_recall_run_from_no_recall_to_all():
    curve = curves_of(np.array([0, 1, 1]), np.array([[0.1], [0.2], [0.9]]), BINARY)
    points = curve["precision_recall"]
    assert points["recall"] == [0.0, 0.5, 1.0, 1.0]
    assert points["precision"] == [1.0, 1.0, 1.0, 0.66667]


def test_errors_and_accuracy_of_the_surest():
    errors = curves_of(np.array([0.0, 0.0, 0.0]), np.array([[1.0], [-2.0], [3.0]]), VALUE)["errors"]
    assert (errors["error"][0], errors["error"][-1]) == (1.0, 3.0)
    assert (errors["share of rows"][0], errors["share of rows"][-1]) == (0.0, 1.0)
    scores = np.array([[0.9, 0.1, 0.0], [0.4, 0.3, 0.3]])
    coverage = curves_of(np.array([0, 1]), scores, THREE)["coverage"]
    assert coverage == {"share of rows, the surest first": [0.5, 1.0], "accuracy": [1.0, 0.5]}
