"""Spark's own figures of a model, and what a run keeps of its training."""

import json

import mlflow
import numpy as np
import pytest

from throughline.evaluation.metrics import metrics
from throughline.models.spark_check import figures_by_spark
from throughline.models.spark_linear import SparkLinear
from throughline.models.spark_perceptron import SparkPerceptron
from throughline.models.spark_pipeline import fitted_pipeline
from throughline.models.spark_record import training_summary
from throughline.models.spark_tree import SparkTree


def fitted(family, table, parameters):
    learner = family.learner(table.layout, {**family.defaults(table), **parameters})
    return fitted_pipeline(table, learner)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("binary", {"roc_auc", "log_loss"}),
        ("classes", {"accuracy", "log_loss"}),
        ("regression", {"rmse", "mae", "r2"}),
    ],
)
def test_sparks_evaluators_agree_with_our_metrics(spark, make_table, kind, names):
    table = make_table(kind)
    columns = table.columns("test")
    for family, parameters in ((SparkLinear(), {}), (SparkTree(), {"maxDepth": 3})):
        found = figures_by_spark(table, fitted(family, table, parameters))
        assert set(found) == {f"spark_test_{name}" for name in names}
        served = family.train(table, parameters).estimator.predict(columns)
        ours = metrics(columns["y"], served, table.layout)
        for name in names:
            assert found[f"spark_test_{name}"] == pytest.approx(ours[name], rel=1e-5)


def test_a_summary_tells_the_objective_and_the_training_figures(spark, make_table):
    linear = training_summary(fitted(SparkLinear(), make_table("regression"), {}).stages[-1])
    assert {"rootMeanSquaredError", "meanAbsoluteError", "r2"} < set(linear)
    table = make_table("binary")
    logistic = training_summary(fitted(SparkLinear(), table, {"maxIter": 5}).stages[-1])
    history = logistic["objective_history"]
    assert logistic["iterations"] == len(history) - 1 == 5
    assert history == sorted(history, reverse=True)
    assert 0.5 < logistic["accuracy"] <= 1 and 0.5 < logistic["areaUnderROC"] <= 1
    perceptron = training_summary(fitted(SparkPerceptron(), table, {"maxIter": 5}).stages[-1])
    assert len(perceptron["objective_history"]) > 1
    assert training_summary(fitted(SparkTree(), table, {"maxDepth": 2}).stages[-1]) == {}


def test_a_run_keeps_parameters_summary_figures_and_the_pipeline(spark, make_table, experiment):
    table = make_table("binary")
    trained = SparkLinear().train(table, {"regParam": 0.25})
    with mlflow.start_run(experiment_id=experiment) as run:
        trained.log_native()
    artifacts = f"runs:/{run.info.run_id}"
    explained = mlflow.artifacts.load_text(f"{artifacts}/explain_params.txt")
    assert "regParam: regularization parameter (>= 0). (default: 0.0, current: 0.25)" in explained
    summary = json.loads(mlflow.artifacts.load_text(f"{artifacts}/training_summary.json"))
    assert summary["iterations"] > 1
    figures = mlflow.get_run(run.info.run_id).data.metrics
    assert figures["spark_test_roc_auc"] > 0.8
    pipeline = mlflow.spark.load_model(f"{artifacts}/native")
    scored = pipeline.transform(table.on_spark(spark, "test")).toPandas()
    own = np.stack([vector.toArray()[1:] for vector in scored["probability"]])
    found = trained.estimator.predict(table.columns("test"))
    np.testing.assert_allclose(found, own, atol=1e-6)
