"""A row of weight two is worth what two rows are, in every family."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.features.plan import Plan
from throughline.models.sklearn_boosting import SklearnBoosting
from throughline.models.sklearn_forest import SklearnForest
from throughline.models.sklearn_linear import SklearnLinear
from throughline.models.spark_gbt import SparkGbt
from throughline.models.spark_linear import SparkLinear
from throughline.models.spark_tree import SparkTree
from throughline.models.xgboost import XGBoost
from throughline.prepared import PreparedTable

XGB = {
    "n_estimators": 10,
    "subsample": 1.0,
    "colsample_bytree": 1.0,
    "nthread": 1,
    "min_child_weight": 1,
    "max_bin": 2048,
}
FOREST = {
    "n_estimators": 1,
    "max_depth": 3,
    "max_features": None,
    "min_samples_leaf": 1,
    "bootstrap": False,
}
GBT = {"maxIter": 3, "maxDepth": 3, "maxBins": 2048, "minInstancesPerNode": 1}


def rewritten(table: PreparedTable, columns: dict, weight: str | None) -> PreparedTable:
    """The table with other training rows."""
    pq.write_table(pa.table(columns), table.output.path("train") + "/rows.parquet")
    layout = table.layout.model_copy(update={"weight": weight})
    table.output.write_text("plan.json", Plan(inputs=(), ops=(), layout=layout).to_json())
    return PreparedTable.open(table.output.uri)


@pytest.mark.parametrize(
    ("family", "parameters", "apart"),
    [
        (SparkLinear(), {"regParam": 0.01, "standardization": False}, 1e-4),
        (SparkGbt(), GBT, 1e-4),
        (SparkTree(), {"maxDepth": 3, "maxBins": 2048, "minInstancesPerNode": 1}, 1e-4),
        (SklearnLinear(), {"max_iter": 1000, "tol": 1e-8}, 1e-3),
        (SklearnForest(), FOREST, 1e-4),
        (SklearnBoosting(), {"max_iter": 5, "max_features": 1.0}, 0.2),  # the bins differ
        (XGBoost(), XGB, 1e-4),
    ],
)
def test_weight_two_is_two_rows(spark, make_table, family, parameters, apart):
    table = make_table("binary")
    rows = dict(table.columns("train"))
    twice = rows["y"] == 1
    test = table.columns("test")
    parameters = {k: v for k, v in parameters.items() if k in family.defaults(table)}

    def scores(columns: dict, weight: str | None) -> np.ndarray:
        trained = family.train(rewritten(table, columns, weight), parameters)
        return trained.estimator.predict(test)

    plain = scores(rows, None)
    doubled = scores({n: np.concatenate([v, v[twice]]) for n, v in rows.items()}, None)
    weights = np.where(twice, 2, 1).astype(np.float32)
    weighted = scores({**rows, "__weight": weights}, "__weight")
    assert np.abs(weighted - doubled).max() < apart
    assert np.abs(weighted - plain).mean() > 0.01
    unread = scores({**rows, "__weight": weights}, None)
    np.testing.assert_allclose(unread, plain, atol=1e-6)
