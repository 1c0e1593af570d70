"""What a run keeps of a Spark ML training besides the served model."""

from typing import Any

from throughline.models.logged import log_model
from throughline.models.spark_check import figures_by_spark
from throughline.prepared import PreparedTable

_FIGURES = ("accuracy", "areaUnderROC", "rootMeanSquaredError", "meanAbsoluteError", "r2")


def log_spark_record(table: PreparedTable, learner: Any, model: Any) -> None:
    """Logs a training in the active run: its parameters explained, its summary, Spark's figures.

    The whole pipeline over prepared columns is logged in MLflow's Spark flavor.

    Args:
        table: The prepared table.
        learner: The estimator that was trained.
        model: The fitted pipeline.
    """
    import mlflow.spark
    import pyspark

    mlflow.log_text(learner.explainParams(), "explain_params.txt")
    if summary := training_summary(model.stages[-1]):
        mlflow.log_dict(summary, "training_summary.json")
    mlflow.log_metrics(figures_by_spark(table, model))
    pins = [f"pyspark=={pyspark.__version__}"]
    log_model(mlflow.spark, "native", model, pip_requirements=pins)


def training_summary(model: Any) -> dict[str, Any]:
    """Spark's summary of a training: the objective after each iteration, the training figures.

    Returns:
        ``iterations``, ``objective_history`` and the figures of :data:`_FIGURES` that the kind of
        model has; empty for a model without a summary.
    """
    if not getattr(model, "hasSummary", False):
        return {}
    summary = model.summary() if callable(model.summary) else model.summary  # a perceptron's: call
    figures = {name: getattr(summary, name, None) for name in _FIGURES}
    return {
        "iterations": summary.totalIterations,
        "objective_history": list(summary.objectiveHistory),
        **{name: value for name, value in figures.items() if value is not None},
    }
