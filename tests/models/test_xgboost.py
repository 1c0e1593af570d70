import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.models.xgboost import XGBoost

FEW = {"n_estimators": 15, "min_child_weight": 1, "nthread": 1}


@pytest.mark.parametrize(("kind", "best"), [("binary", 0.1), ("classes", 0.25), ("regression", 60)])
def test_learns_each_task(make_table, kind, best):
    table = make_table(kind)
    trained = XGBoost().train(table, {**FEW, "learning_rate": 0.3})
    columns = table.columns("test")
    scores = trained.estimator.predict(columns)
    assert scores.shape == (200, table.layout.outputs)
    if kind == "regression":
        assert np.abs(scores[:, 0] - columns["y"]).mean() < best
        return
    said = scores.argmax(axis=1) if kind == "classes" else scores[:, 0] >= 0.5
    assert (said != columns["y"]).mean() < best


def test_takes_missing_values_and_says_what_mattered(make_table):
    table = make_table("binary")
    rows = dict(table.columns("train"))
    rows["x (m)"] = np.where(np.arange(600) % 10 == 0, np.float32(np.nan), rows["x (m)"])
    pq.write_table(pa.table(rows), table.output.path("train") + "/rows.parquet")
    trained = XGBoost().train(table, FEW)
    assert max(trained.importances, key=trained.importances.get) == "x (m)"
    assert set(trained.importances) == {"x (m)", "c", "z", "o"}
    assert np.isfinite(trained.estimator.predict(table.columns("test"))).all()


def test_stops_when_the_validation_rows_show_no_gain(make_table):
    more = {"n_estimators": 400, "early_stopping_rounds": 5, "learning_rate": 0.5}
    trained = XGBoost().train(make_table("binary"), {**FEW, **more})
    assert 1 <= trained.metrics["boosting_rounds"] < 400


def test_refuses_unknown_parameters_and_values(make_table):
    table = make_table("binary")
    with pytest.raises(UserError, match="has no parameter 'max_dept'; did you mean 'max_depth'"):
        XGBoost().train(table, {"max_dept": 3})
    with pytest.raises(UserError, match="xgboost .*max_depth"):
        XGBoost().train(table, {"max_depth": "deep"})
    for name in ("n_estimators", "early_stopping_rounds", "spark_from_rows"):
        with pytest.raises(UserError, match=f"xgboost .*{name} is 'many', no whole number"):
            XGBoost().train(table, {name: "many"})


@pytest.mark.parametrize(("kind", "objective"), [("classes", "softmax"), ("binary", "logitraw")])
def test_refuses_an_objective_without_probabilities(make_table, kind, objective):
    objective = {"classes": "multi:", "binary": "binary:"}[kind] + objective
    with pytest.raises(UserError, match=f"xgboost .*{objective!r} gives no probabilities"):
        XGBoost().train(make_table(kind), {**FEW, "objective": objective})


@pytest.mark.parametrize("patience", [None, 0])
def test_a_patience_of_nothing_is_none(make_table, patience):
    more = {"early_stopping_rounds": patience, "learning_rate": 0.9}
    trained = XGBoost().train(make_table("binary"), {**FEW, **more})
    assert trained.metrics["boosting_rounds"] == FEW["n_estimators"]
