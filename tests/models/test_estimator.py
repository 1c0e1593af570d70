import json

import numpy as np
import pytest

from throughline.errors import UserError
from throughline.features.layout import Feature, Layout
from throughline.models.dense_graph import dense_graph
from throughline.models.estimator import DESCRIPTION, OnnxEstimator, load_estimator
from throughline.models.xgboost import XGBoost


@pytest.fixture
def table(make_table):
    return make_table("binary")


def saved_and_loaded(estimator, layout, folder):
    estimator.save(folder)
    return load_estimator(folder, layout)


def test_xgboost_scores_the_same_after_loading(table, tmp_path):
    estimator = XGBoost().train(table, {"n_estimators": 10, "min_child_weight": 1}).estimator
    again = saved_and_loaded(estimator, table.layout, tmp_path)
    columns = table.columns("test")
    np.testing.assert_array_equal(again.predict(columns), estimator.predict(columns))


def test_onnx_scores_the_same_after_loading(table, tmp_path):
    graph = dense_graph([(np.arange(7.0)[:, np.newaxis] / 7, np.array([-1.0]))], table.layout)
    estimator = OnnxEstimator(graph, table.layout)
    again = saved_and_loaded(estimator, table.layout, tmp_path)
    columns = table.columns("test")
    np.testing.assert_array_equal(again.predict(columns), estimator.predict(columns))


def test_one_row_at_a_time_scores_as_all_at_once(table):
    estimator = XGBoost().train(table, {"n_estimators": 10, "min_child_weight": 1}).estimator
    columns = table.columns("test")
    each = [
        estimator.predict({name: values[i : i + 1] for name, values in columns.items()})
        for i in range(10)
    ]
    np.testing.assert_array_equal(np.concatenate(each), estimator.predict(columns)[:10])


def test_refuses_an_estimator_of_other_features(table, tmp_path):
    XGBoost().train(table, {"n_estimators": 2}).estimator.save(tmp_path)
    features = (*table.layout.features, Feature(name="new", kind="numeric"))
    other = Layout(features=features, label="y", task="classification", classes=("no", "yes"))
    with pytest.raises(UserError, match="different features; train it again"):
        load_estimator(tmp_path, other)
    assert json.loads((tmp_path / DESCRIPTION).read_text())["kind"] == "xgboost"
