"""The network as a family: on one process, for a search's trials, and on all rows."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pytest
from mlflow.artifacts import list_artifacts

from throughline.distributed.network_family import Launching, Network, train_network
from throughline.errors import UserError
from throughline.prepared import EveryRow
from throughline.recipe.search import Search
from throughline.tracking import children
from throughline.tuning.search import search

SMALL = {"hidden": [8], "epochs": 3, "learning_rate": 0.01}


@pytest.fixture
def in_run(tmp_path, monkeypatch):
    """A run of its own tracking store."""
    before = mlflow.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = mlflow.create_experiment("networks", (tmp_path / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment) as run:
        yield run
    mlflow.set_tracking_uri(before)


def test_a_training_is_tracked_whole(prepared, in_run, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    trained = train_network(prepared, SMALL, Launching(1))
    assert trained.parameters["workers"] == 1
    assert trained.parameters["precision"] == "float32"
    assert trained.metrics["epochs_run"] == 3
    assert trained.metrics["rows_scored_otherwise"] == 0
    run = mlflow.MlflowClient().get_run(in_run.info.run_id)
    names = set(run.data.metrics)
    assert {"train_loss", "step_loss", "step_accuracy", "validation_loss"} <= names
    assert {"rows_per_second", "wait_seconds", "worker_0_rows_per_second"} <= names
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= names
    files = {item.path for item in list_artifacts(run_id=run.info.run_id, artifact_path="training")}
    assert {"training/checkpoint.pt", "training/job.json", "training/result.json"} <= files
    job = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/training/job.json")
    assert json.loads(job)["epochs"] == 3
    assert "sqlite" not in job  # where runs are tracked may have a password in it


def test_a_search_makes_each_trial_a_training_by_workers(prepared, in_run):
    wanted = Search(
        family="network",
        parameters={**SMALL, "workers": 1},
        space={"dropout": {"uniform": [0.0, 0.3]}},
        max_evals=2,
        algo="random",
    )
    found = search(prepared, wanted, in_run)
    assert [trial.status for trial in found.trials] == ["FINISHED", "FINISHED"]
    assert found.parameters["workers"] == 1
    assert 0 <= found.parameters["dropout"] <= 0.3
    trials = children(in_run.info.run_id)
    assert {"validation_loss", "rows_per_second"} <= set(trials[0].data.metrics)
    with pytest.raises(UserError, match="network trains in processes of its own, which a task of"):
        search(prepared, wanted.model_copy(update={"trials": "spark"}), in_run)


@pytest.mark.slow
def test_it_learns_from_all_rows_by_petastorms_converter(prepared, in_run):
    family = Network()
    parameters = {**SMALL, "workers": 1, "epochs": 2}
    first = family.train(prepared, parameters)
    again = family.train(EveryRow(prepared.output), {**first.parameters, **first.settled})
    assert again.metrics["epochs_run"] == first.metrics["best_epoch"]
    columns = prepared.columns("test")
    one, other = (each.estimator.predict(columns) for each in (first, again))
    assert np.abs(one - other).max() > 0
    assert not list(Path(f"{prepared.output.uri}.training").rglob("*.parquet"))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hiden": [8]}, "no parameter 'hiden'; did you mean 'hidden'"),
        ({"learning_rate": -1}, "network's learning_rate cannot be -1"),
        ({"precision": "int8"}, "network's precision cannot be 'int8'"),
        ({"clip_norm": 0}, "network's clip_norm cannot be 0"),
        ({"epochs": 0}, "network's epochs cannot be 0"),
    ],
)
def test_a_wrong_parameter_is_an_error(prepared, parameters, message):
    with pytest.raises(UserError, match=message):
        train_network(prepared, parameters, Launching(1))
