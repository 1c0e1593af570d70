import numpy as np
import pytest

from throughline.evaluation.calibration import calibration_of
from throughline.features.layout import Layout

BINARY = Layout(features=(), label="y", task="classification", classes=("0", "1"))
THREE = Layout(features=(), label="y", task="classification", classes=("a", "b", "c"))
VALUE = Layout(features=(), label="y", task="regression")


def test_what_was_said_against_what_happened():
    scores = np.array([0.1] * 10 + [0.7] * 10)[:, None]
    labels = np.array([0] * 9 + [1] + [1] * 5 + [0] * 5)
    found = calibration_of(labels, scores, BINARY)
    bins = [(one.rows, one.predicted, one.happened) for one in found.bins]
    assert bins == [(10, pytest.approx(0.1), 0.1), (10, pytest.approx(0.7), 0.5)]
    assert found.error == pytest.approx(0.1)
    assert found.as_json()["bins"][1]["happened"] == 0.5


def test_ten_bins_of_equal_rows():
    draw = np.random.default_rng(7)
    scores = draw.random((1000, 1))
    labels = (draw.random(1000) < scores[:, 0]).astype(int)
    found = calibration_of(labels, scores, BINARY)
    assert [one.rows for one in found.bins] == [100] * 10
    assert found.error < 0.06


def test_of_constant_scores_there_is_one_bin():
    (only,) = calibration_of(np.array([0, 1]), np.full((2, 1), 0.3), BINARY).bins
    assert (only.rows, only.predicted, only.happened) == (2, pytest.approx(0.3), 0.5)


def test_of_more_classes_it_is_about_the_class_that_was_said():
    scores = np.array([[0.6, 0.4, 0.0], [0.6, 0.2, 0.2]])
    assert calibration_of(np.array([0, 2]), scores, THREE).error == pytest.approx(0.1)


def test_a_regression_has_none():
    assert calibration_of(np.array([1.0]), np.array([[1.0]]), VALUE) is None
