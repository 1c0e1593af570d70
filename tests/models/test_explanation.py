"""What moved a score: whole, summed per raw column, and only where the estimator can tell."""

import numpy as np
import pandas as pd
import pytest

from tests.models.conftest import layout_of, rows
from throughline.features.plan import Origin, Plan
from throughline.models.dense_graph import dense_graph
from throughline.models.estimator import OnnxEstimator
from throughline.models.explanation import top_contributions


def test_the_largest_sums_of_raw_columns_come_first():
    origins = {
        "x (m)": Origin(columns=("x",)),
        "c": Origin(columns=("c", "d")),
        "z": Origin(columns=("x",)),
    }
    plan = Plan(inputs=(), ops=(), layout=layout_of("classes"), origins=origins)
    added = np.array([[[1.0, 0.0, 1.0, 0.0], [1.0, -5.0, 1.0, 3.0], [9.0, 9.0, 9.0, 9.0]]])
    (told,) = top_contributions(added, np.array([[0.2, 0.5, 0.3]]), plan)
    assert list(told.items()) == [("c and d", -5.0), ("o", 3.0), ("x", 2.0)]


@pytest.mark.parametrize("kind", ["binary", "regression", "classes"])
def test_of_a_linear_model_it_is_weight_times_value(kind):
    layout, columns = layout_of(kind), rows(20, kind, seed=3)
    draw = np.random.default_rng(5)
    weights, intercepts = draw.normal(size=(7, layout.outputs)), draw.normal(size=layout.outputs)
    estimator = OnnxEstimator(dense_graph([(weights, intercepts)], layout), layout)
    added = estimator.contributions(columns)
    assert added.shape == (20, layout.outputs, 4)
    np.testing.assert_allclose(added[:, :, 0], columns["x (m)"][:, None] * weights[0], rtol=1e-6)
    np.testing.assert_allclose(added[:, :, 1], weights[1 + columns["c"]], rtol=1e-6)
    margin = added.sum(axis=2) + intercepts
    scores = estimator.predict(columns)
    if kind == "binary":
        margin = 1 / (1 + np.exp(-margin))
    if kind == "classes":
        margin = np.exp(margin) / np.exp(margin).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores, margin, rtol=1e-5)


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_of_xgboost_it_adds_up_to_the_margin(make_table, kind):
    from throughline.models.xgboost import XGBoost

    table = make_table(kind)
    estimator = XGBoost().train(table, {"n_estimators": 5}).estimator
    columns = table.columns("test")
    added = estimator.contributions(columns).sum(axis=2)
    scores = estimator.predict(columns)
    if kind == "binary":
        base = np.log(scores / (1 - scores)) - added
    else:  # log-odds of two classes
        base = np.log(scores[:, :1] / scores[:, 1:2]) - (added[:, :1] - added[:, 1:2])
    np.testing.assert_allclose(base, base[0, 0], atol=1e-4)


def test_a_served_model_names_raw_columns(served, prepared):
    from throughline.models.raw_frame import raw_frame

    rows = raw_frame(prepared.raw_rows("test"), prepared.plan.inputs)
    told = served.explain_frame(rows, served.score_frame(rows))
    assert len(told) == len(rows)
    assert {name for row in told for name in row} <= {c.name for c in prepared.plan.inputs}
    sizes = [abs(value) for value in told[0].values()]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > 0
    assert served.explain_frame(rows.clear(), np.empty((0, 1))) == []


def test_trees_of_other_families_cannot_tell(make_table):
    from throughline.models.families import FAMILIES

    table = make_table("binary")
    estimator = FAMILIES["sklearn_boosting"].train(table, {"max_iter": 2}).estimator
    assert estimator.contributions(table.columns("test")) is None


def test_the_pyfunc_explains_on_request(served, prepared, tmp_path):
    from types import SimpleNamespace

    from mlflow.exceptions import MlflowException

    from throughline.models.served_pyfunc import ServedPyfunc

    served.save(tmp_path)
    model = ServedPyfunc()
    model.load_context(SimpleNamespace(artifacts={"served": str(tmp_path)}))
    rows = prepared.example()
    plain = model.predict(None, rows, {"explain": False})
    explained = model.predict(None, rows, {"explain": True})
    pd.testing.assert_frame_equal(explained.drop(columns="contributions"), plain)
    assert 0 < len(explained["contributions"][0]) <= 5
    model.model.estimator = SimpleNamespace(
        predict=model.model.estimator.predict, takes_missing=True
    )
    with pytest.raises(MlflowException, match="cannot explain"):
        model.predict(None, rows, {"explain": True})
