import numpy as np
import pytest

from throughline.evaluation.bootstrap import intervals, resamples_of
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout

BINARY = Layout(features=(), label="y", task="classification", classes=("0", "1"))
VALUE = Layout(features=(), label="y", task="regression")


def mean_error(errors):
    """Measures the mean absolute error, whose interval is known from the error's deviation."""
    return measure_of(np.zeros(len(errors)), np.abs(errors)[:, None], VALUE)


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide_on_each_side():
    errors = np.random.default_rng(1).normal(10, 2, 2000)
    low, high = intervals(mean_error(errors), np.arange(2000), 400)["mae"]
    half = 1.96 * errors.std() / 2000**0.5
    assert (low, high) == pytest.approx((errors.mean() - half, errors.mean() + half), abs=half / 4)


def test_rows_that_depend_on_each_other_are_drawn_together():
    errors = np.repeat(np.random.default_rng(1).normal(10, 2, 50), 40)  # 50 days of equal rows
    low, high = intervals(mean_error(errors), np.repeat(np.arange(50), 40), 400)["mae"]
    alone_low, alone_high = intervals(mean_error(errors), np.arange(2000), 400)["mae"]
    assert (high - low) / (alone_high - alone_low) == pytest.approx(40**0.5, rel=0.25)


def test_the_same_seed_gives_the_same_interval():
    measure, blocks = mean_error(np.arange(30.0)), np.arange(30)
    assert intervals(measure, blocks, 60) == intervals(measure, blocks, 60)
    assert intervals(measure, blocks, 60, seed=8) != intervals(measure, blocks, 60)


def test_resamples_of_one_class_are_left_out():
    labels, scores = np.append(np.zeros(11, int), 1), np.append(np.linspace(0, 1, 11), 0.45)
    blocks = np.arange(12)
    found = intervals(measure_of(labels, scores[:, np.newaxis], BINARY), blocks, 100)
    low, high = found["roc_auc"]
    assert 0 <= low < 0.45 < high <= 1
    never = intervals(measure_of(np.zeros(12, int), scores[:, np.newaxis], BINARY), blocks, 20)
    assert "roc_auc" not in never and "brier" in never


def test_few_blocks_have_no_interval():
    measure = mean_error(np.arange(30.0))
    assert intervals(measure, np.arange(30) // 4, 60) == {}
    assert intervals(measure, np.arange(30) // 3, 60)


def test_large_parts_are_resampled_less_often():
    assert [resamples_of(*size) for size in ((1000, 1), (500_000, 1), (10_000_000, 3))] == [
        400, 120, 50,
    ]  # fmt: skip
