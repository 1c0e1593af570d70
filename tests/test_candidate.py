"""What a candidate's run and its served model hold."""

from pathlib import Path

import mlflow
import pytest

from throughline.candidate import log_candidate
from throughline.checkout import hidden_checkout
from throughline.evaluation.comparison import log_comparison
from throughline.models.family import Trained
from throughline.models.signature import conform
from throughline.registry.on_test import on_test
from throughline.tracking import candidates_of, training_time


@pytest.fixture(scope="module")
def logged(prepared, served, tmp_path_factory):
    """A step's run with one candidate below it, and their comparison; the parent and the child."""
    folder = tmp_path_factory.mktemp("store")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("test", f"file://{folder}/artifacts")
    with mlflow.start_run(experiment_id=experiment) as parent:
        with mlflow.start_run(experiment_id=experiment, nested=True):
            with training_time():
                trained = Trained(served.estimator, {"n": 1}, {"x": 1.0}, log_native=lambda: None)
            log_candidate(prepared, trained, "trees")
        log_comparison(candidates_of(parent.info.run_id), "roc_auc")
    (child,) = candidates_of(parent.info.run_id)
    yield parent, child
    mlflow.set_tracking_uri(before)


def files_of(run, folder=""):
    found = mlflow.MlflowClient().list_artifacts(run.info.run_id, folder)
    return {file.path for file in found}


def test_metrics_have_intervals_and_training_its_seconds(logged):
    metrics = logged[1].data.metrics
    for metric in ("validation_roc_auc", "test_log_loss"):
        assert metrics[f"{metric}_low"] <= metrics[metric] <= metrics[f"{metric}_high"]
    assert {"threshold", "test_ece", "training_seconds"} <= set(metrics)


def test_card_pictures_and_tables_are_in_the_run(logged):
    assert {"model_card.md", "model_card.html", "pictures", "evaluation"} <= files_of(logged[1])
    assert "evaluation/curves.json" in files_of(logged[1], "evaluation")


def test_the_card_is_inside_the_served_model_which_answers(logged, prepared):
    model = logged[1].data.tags["throughline.model"]
    with hidden_checkout():
        loaded = mlflow.pyfunc.load_model(model)
        request = conform(prepared.example(), prepared.plan.inputs)
        assert len(loaded.predict(request)) == 1
    card = Path(mlflow.artifacts.download_artifacts(model)) / "artifacts" / "model_card"
    assert (card / "model_card.md").read_text(encoding="utf-8").startswith("# small: trees")
    assert (card / "pictures/test.png").read_bytes().startswith(b"\x89PNG")


def test_registering_measures_the_same_figures_on_the_same_rows(logged, prepared):
    metrics = logged[1].data.metrics
    model = logged[1].data.tags["throughline.model"]
    found = on_test(model, prepared, prepared.raw_rows("test")).figures
    logged_too = {name: metrics[f"test_{name}"] for name in found}
    assert found == pytest.approx(logged_too)
    assert {"roc_auc", "roc_auc_low", "ece"} <= set(found)


def test_the_comparison_is_logged_with_the_parent(logged):
    parent, _ = logged
    assert files_of(parent, "comparison") == {
        "comparison/comparison.html", "comparison/intervals.png", "comparison/test.png",
        "comparison/validation.png",
    }  # fmt: skip
    page = mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/comparison/comparison.html")
    assert "By roc_auc on the validation rows, trees is best." in page
