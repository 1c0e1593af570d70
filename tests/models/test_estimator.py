import json

import numpy as np
import pytest

from throughline.errors import UserError
from throughline.features.assembly import wide_names
from throughline.features.layout import Feature, Layout
from throughline.models.dense_graph import dense_graph
from throughline.models.estimator import (
    DESCRIPTION,
    OnnxEstimator,
    XGBoostEstimator,
    load_estimator,
)
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


def test_whether_missing_values_are_taken_is_recorded_and_an_older_model_takes_them(
    table, tmp_path
):
    graph = dense_graph([(np.ones((7, 1)), np.zeros(1))], table.layout)
    estimator = OnnxEstimator(graph, table.layout, takes_missing=False)
    assert not saved_and_loaded(estimator, table.layout, tmp_path).takes_missing
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    del description["takes_missing"]
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    assert load_estimator(tmp_path, table.layout).takes_missing


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


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"cardinality": 5}, "cardinalities"),
        ({"view": "ordinal"}, "views"),
        ({"name": "d"}, "features"),
    ],
)
def test_refuses_a_plan_that_codes_a_category_in_another_way(table, tmp_path, change, what):
    XGBoost().train(table, {"n_estimators": 2}).estimator.save(tmp_path)
    x, c, *more = table.layout.features
    other = table.layout.model_copy(update={"features": (x, c.model_copy(update=change), *more)})
    with pytest.raises(UserError, match=f"different {what}; train it again"):
        load_estimator(tmp_path, other)


def test_refuses_a_plan_of_another_answer(table, tmp_path):
    XGBoost().train(table, {"n_estimators": 2}).estimator.save(tmp_path)
    three = table.layout.model_copy(update={"classes": ("a", "b", "c")})
    with pytest.raises(UserError, match="different outputs"):
        load_estimator(tmp_path, three)


@pytest.mark.parametrize("kind", ["xgboost", "onnx"])
def test_refuses_a_file_of_another_width(table, tmp_path, kind):
    def estimator(layout):
        if kind == "xgboost":
            booster = XGBoost().train(table, {"n_estimators": 2}).estimator.booster
            return XGBoostEstimator(booster, layout)
        width = len(wide_names(table.layout))
        graph = dense_graph([(np.ones((width, 1)), np.zeros(1))], table.layout)
        return OnnxEstimator(graph, layout)

    narrow = table.layout.model_copy(update={"features": table.layout.features[:2]})
    estimator(narrow).save(tmp_path)
    with pytest.raises(UserError, match="different columns"):
        load_estimator(tmp_path, narrow)
