import numpy as np
import pytest

from throughline.evaluation.permutation import permutation_importance
from throughline.features.layout import Feature, Layout

FEATURES = tuple(Feature(name=name, kind="numeric") for name in ("idle", "weak", "strong"))
VALUE = Layout(features=FEATURES, label="y", task="regression")
BINARY = Layout(features=FEATURES, label="y", task="classification", classes=("0", "1"))
DRAW = np.random.default_rng(7)
COLUMNS = {name: DRAW.normal(size=2000) for name in ("idle", "weak", "strong")}


class Sum:
    """Scores by the features themselves."""

    def __init__(self):
        self.rows = 0

    def predict(self, columns):
        self.rows += len(columns["weak"])
        return (columns["weak"] + 10 * columns["strong"])[:, None]


def test_shuffling_what_the_scores_rest_on_costs_the_most():
    columns = {**COLUMNS, "y": COLUMNS["weak"] + 10 * COLUMNS["strong"]}
    found = permutation_importance(Sum(), columns, VALUE, "rmse")
    assert list(found) == ["strong", "weak", "idle"]
    assert found["strong"].mean == pytest.approx(10 * 2**0.5, rel=0.1)
    assert found["weak"].mean == pytest.approx(2**0.5, rel=0.1)
    assert (found["idle"].mean, found["idle"].deviation) == (0, 0)


def test_the_loss_is_positive_whichever_way_the_metric_counts():
    columns = {**COLUMNS, "y": (COLUMNS["strong"] > 0).astype(np.int32)}
    assert permutation_importance(Sum(), columns, BINARY, "roc_auc")["strong"].mean > 0.4


def test_the_same_seed_gives_the_same_losses_of_a_bounded_sample():
    many = {name: np.tile(values, 10) for name, values in COLUMNS.items()}
    columns = {**many, "y": many["strong"]}
    estimator = Sum()
    found = permutation_importance(estimator, columns, VALUE, "rmse")
    assert estimator.rows == 5_000 * (1 + 3 * 3)
    assert found == permutation_importance(Sum(), columns, VALUE, "rmse")
    assert found != permutation_importance(Sum(), columns, VALUE, "rmse", seed=8)


def test_rows_that_do_not_define_the_metric_have_no_losses():
    columns = {**COLUMNS, "y": np.zeros(2000, dtype=np.int32)}
    assert permutation_importance(Sum(), columns, BINARY, "roc_auc") == {}
