"""A large table is boosted by xgboost.spark; what is served is the same kind of estimator."""

import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.models.estimator import XGBoostEstimator
from throughline.models.xgboost import XGBoost

EXACT = {
    "n_estimators": 8,
    "min_child_weight": 1,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "max_bin": 2048,
    "nthread": 1,
}


@pytest.mark.parametrize("kind", ["binary", "classes", "regression"])
def test_spark_boosts_what_one_process_does(spark, make_table, caplog, kind):
    table = make_table(kind)
    rows = dict(table.columns("train"))
    rows["z"] = np.where(np.arange(600) % 9 == 0, np.float32(np.nan), rows["z"])
    pq.write_table(pa.table(rows), table.output.path("train") + "/rows.parquet")
    columns = table.columns("test")
    here = XGBoost().train(table, EXACT)
    with caplog.at_level(logging.INFO):
        there = XGBoost().train(table, {**EXACT, "spark_from_rows": 600})
    assert "xgboost.spark trains on 600 rows with" in caplog.text
    assert isinstance(there.estimator, XGBoostEstimator)
    one, other = here.estimator.predict(columns), there.estimator.predict(columns)
    scale = columns["y"].std() if kind == "regression" else 1.0
    assert one.shape == other.shape
    assert np.abs(one - other).mean() < 0.03 * scale
    assert there.metrics["boosting_rounds"] == here.metrics["boosting_rounds"]
    assert there.metrics["rows_scored_otherwise"] == 0
    assert max(there.importances, key=there.importances.get) == "x (m)"


def test_refuses_an_objective_that_spark_would_not_take(make_table):
    parameters = {**EXACT, "spark_from_rows": 600, "objective": "binary:hinge"}
    with pytest.raises(UserError, match="'binary:hinge'; remove it, or set spark_from_rows above"):
        XGBoost().train(make_table("binary"), parameters)
