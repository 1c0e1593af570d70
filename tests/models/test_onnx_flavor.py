"""Every candidate's ONNX form loads with MLflow and scores prepared rows as it is served."""

import mlflow
import numpy as np
import pytest

from throughline.features.assembly import narrow_matrix, split_matrices, wide_matrix
from throughline.models.onnx_flavor import log_onnx
from throughline.models.sklearn_forest import SklearnForest
from throughline.models.torch import Torch
from throughline.models.xgboost import XGBoost

FAMILIES = [
    (XGBoost(), {"n_estimators": 5, "min_child_weight": 1}),
    (SklearnForest(), {"n_estimators": 3, "max_depth": 3, "n_jobs": 1}),
    (Torch(), {"epochs": 1, "hidden": [8]}),
]


@pytest.mark.parametrize(("family", "few"), FAMILIES, ids=lambda value: getattr(value, "name", ""))
def test_the_onnx_form_loads_with_mlflow(make_table, experiment, family, few):
    table = make_table("binary")
    trained = family.train(table, few)
    with mlflow.start_run(experiment_id=experiment) as run:
        log_onnx(table, trained)
    columns = table.columns("test")
    numeric, categories = split_matrices(columns, table.layout)
    feed = {
        "xgboost": {"features": narrow_matrix(columns, table.layout)},
        "sklearn_forest": {"features": wide_matrix(columns, table.layout)},
        "torch": {"numeric": numeric, "categories": categories},
    }[family.name]
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/onnx")
    found = loaded.predict(feed)["scores"]
    np.testing.assert_allclose(found, trained.estimator.predict(columns), atol=1e-5)
    counted = mlflow.get_run(run.info.run_id).data.metrics
    assert counted == ({"onnx_rows_scored_otherwise": 0.0} if family.name == "xgboost" else {})


def test_a_model_without_an_onnx_form_is_said_so(make_table, experiment, caplog):
    table = make_table("binary")
    trained = XGBoost().train(table, {"n_estimators": 2, "objective": "binary:hinge"})
    with mlflow.start_run(experiment_id=experiment) as run:
        log_onnx(table, trained)
    assert "no ONNX form" in caplog.text
    assert not mlflow.MlflowClient().list_artifacts(run.info.run_id)
