"""XGBoost's trees as an ONNX graph score every row as XGBoost does."""

import numpy as np
import pytest

from throughline.models.estimator import OnnxEstimator
from throughline.models.onnx_flavor import onnx_rows_apart
from throughline.models.xgboost import XGBoost
from throughline.models.xgboost_graph import xgboost_graph

FEW = {"n_estimators": 12, "min_child_weight": 1, "learning_rate": 0.3, "nthread": 1}
ONE_CATEGORY, SETS = {"max_cat_to_onehot": 9}, {"max_cat_to_onehot": 1}


def odd_rows(table):
    """The test rows, and such with missing numbers, codes without training rows, and thresholds."""
    columns = {name: values.copy() for name, values in table.columns("test").items()}
    columns["c"][::3] = 3
    columns["x (m)"][::4] = np.nan
    columns["z"][::5] = np.nan
    return columns


def on_thresholds(booster, feature):
    """Values on the thresholds of a feature and next to them."""
    splits = booster.trees_to_dataframe()
    found = splits[splits["Feature"] == feature]["Split"].dropna().unique().astype(np.float32)
    low, high = (np.nextafter(found, np.float32(to)) for to in (-np.inf, np.inf))
    return np.concatenate([low, found, high])


@pytest.mark.parametrize("kind", ["binary", "classes", "regression"])
@pytest.mark.parametrize("categories", [ONE_CATEGORY, SETS], ids=["one category", "sets"])
def test_scores_rows_as_xgboost_does(make_table, kind, categories):
    table = make_table(kind)
    estimator = XGBoost().train(table, {**FEW, **categories}).estimator
    graph = OnnxEstimator(xgboost_graph(estimator.booster, table.layout), table.layout)
    columns = odd_rows(table)
    near = on_thresholds(estimator.booster, "f0")[:150]
    columns["x (m)"][50 : 50 + len(near)] = near
    narrow = np.stack([columns[f.name] for f in table.layout.features], axis=1).astype(np.float32)
    (found,) = graph.session.run(["scores"], {"features": narrow})
    own = estimator.predict(columns)
    rounding = 1e-6 * max(1.0, np.abs(own).max())  # both add float32 up, in another order
    np.testing.assert_allclose(found, own, rtol=1e-5, atol=rounding)
    assert found.shape == own.shape
    assert len(np.unique(found[:, 0])) > 20
    said = estimator.booster.trees_to_dataframe()
    sets = said["Category"].map(lambda value: isinstance(value, list | np.ndarray)).sum()
    assert sets > 3


def test_trees_after_the_best_iteration_and_trees_without_splits(make_table):
    table = make_table("binary")
    columns = table.columns("test")
    stopped = XGBoost().train(
        table, {**FEW, "n_estimators": 300, "early_stopping_rounds": 5, "learning_rate": 0.6}
    )
    booster = stopped.estimator.booster
    assert booster.num_boosted_rounds() > booster.best_iteration + 1
    bare = XGBoost().train(table, {**FEW, "min_child_weight": 1e6})
    for trained in (stopped, bare):
        graph = trained.export_onnx()
        assert onnx_rows_apart(table, trained, graph) == 0
    assert len(np.unique(bare.estimator.predict(columns))) == 1


def test_other_scores_are_counted_and_an_unknown_objective_has_no_graph(make_table):
    table = make_table("binary")
    trained, other = (XGBoost().train(table, {**FEW, "max_depth": d}) for d in (6, 1))
    assert onnx_rows_apart(table, trained, other.export_onnx()) > 100
    raw = XGBoost().train(table, {**FEW, "objective": "reg:logistic"})
    assert raw.export_onnx() is None
