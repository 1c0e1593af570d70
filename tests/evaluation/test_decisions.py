import numpy as np
import pytest

from throughline.evaluation.decisions import decide
from throughline.recipe.threshold import Cost, ThresholdRule

LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.4, 0.35, 0.8])


def by_cost(false_positive, false_negative):
    return ThresholdRule(cost=Cost(false_positive=false_positive, false_negative=false_negative))


@pytest.mark.parametrize(
    ("labels", "probabilities", "threshold"),
    [
        (LABELS, PROBABILITIES, 0.35),
        ([0, 1], [0.2, 0.9], 0.9),
        ([1, 0, 1], [0.5, 0.5, 0.5], 0.5),
        ([1, 0, 1, 0, 0], [0.9, 0.8, 0.2, 0.1, 0.1], 0.2),
    ],
)
def test_the_threshold_with_the_best_f1(labels, probabilities, threshold):
    found = decide(np.array(labels), np.array(probabilities), ThresholdRule())
    assert (found.threshold, found.cost) == (threshold, None)


@pytest.mark.parametrize(
    ("false_positive", "false_negative", "threshold"), [(1, 5, 0.35), (5, 1, 0.8), (1, 1, 0.8)]
)
def test_the_threshold_with_the_least_cost(false_positive, false_negative, threshold):
    rule = by_cost(false_positive, false_negative)
    found = decide(LABELS, PROBABILITIES, rule)
    assert (found.threshold, found.cost) == (threshold, rule.cost)


def test_where_yes_never_pays_no_row_gets_one():
    found = decide(np.array([0, 0, 1]), np.array([0.9, 0.8, 0.1]), by_cost(10, 1))
    assert 0.9 < found.threshold < 0.9001
