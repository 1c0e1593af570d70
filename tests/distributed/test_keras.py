"""The network of Keras in distributed training: the same function, the same checkpoints."""

import os
import subprocess
import sys

import mlflow
import numpy as np
import pytest
import torch

from tests.distributed.test_network_family import SMALL, in_run
from throughline.distributed import horovodrun, process
from throughline.distributed import torch as torch_launcher
from throughline.distributed.checkpoint import load_network
from throughline.distributed.job_folder import CHECKPOINT, JobFolder
from throughline.distributed.network_family import Launching, train_network
from throughline.errors import UserError
from throughline.models.keras_family import inputs_of
from throughline.models.network_batch import from_arrow

__all__ = ["in_run"]
KERAS = {"library": "keras", "warmup_epochs": 0.0}
LOADS = """
import sys, numpy as np, mlflow, mlflow.keras
rows = np.load(sys.argv[2])
loaded = mlflow.keras.load_model(sys.argv[1])
np.save(sys.argv[3], loaded.predict({name: rows[name] for name in rows.files}, verbose=0))
"""


@pytest.mark.parametrize(
    ("label", "metric", "bound"),
    [("late", "accuracy", 0.85), ("third", "accuracy", 0.7), ("delay", "rmse", None)],
)
def test_it_learns_each_task_and_its_checkpoint_is_the_network(
    make_job, make_rows, label, metric, bound
):
    job = make_job(label, epochs=6, **KERAS)
    result = process.launch(job)
    best = result.history[result.best_epoch - 1].validation[metric]
    first = result.history[0].validation[metric]
    assert best > bound if bound else best < 0.8 * first
    network = load_network(JobFolder(job.output))
    batch = from_arrow(make_rows(1000, 2), job.layout)
    with torch.no_grad():
        found = network.metrics(network(batch.numeric, batch.categories), batch.label)
    assert found["loss"] == pytest.approx(result.best_loss, rel=1e-4)


def test_a_training_in_two_parts_ends_as_one(make_job, tmp_path):
    whole = process.launch(make_job(epochs=3, **KERAS))
    parts = [make_job(epochs=e, output=str(tmp_path / "parts"), **KERAS) for e in (2, 3)]
    ends = [process.launch(part) for part in parts]
    assert ends[1].resumed_after == 2
    assert ends[1].parameter_digest == whole.parameter_digest


def test_a_checkpoint_of_the_other_library_is_refused(make_job):
    process.launch(make_job(epochs=1, **KERAS))
    assert JobFolder(make_job().output).read(CHECKPOINT)
    with pytest.raises(UserError, match="another network .its library is 'keras'"):
        process.launch(make_job(epochs=2))


@pytest.mark.slow
def test_two_workers_of_horovod_and_of_torch_learn_one_network(make_job, tmp_path):
    first = horovodrun.launch(make_job(**KERAS), 2)
    second = torch_launcher.launch(make_job(output=str(tmp_path / "torch"), **KERAS), 2)
    assert first.workers == second.workers == 2
    assert first.history[-1].validation["accuracy"] > 0.85
    assert first.parameter_digest == second.parameter_digest


def test_it_is_served_and_logged_as_keras_scores(prepared, in_run, tmp_path):
    trained = train_network(prepared, {**SMALL, "library": "keras"}, Launching(1))
    assert trained.metrics["rows_scored_otherwise"] == 0
    assert {"norm", "residual"}.isdisjoint(trained.parameters)
    trained.log_native()
    columns = prepared.columns("test")
    np.savez(tmp_path / "rows.npz", **inputs_of(columns, prepared.layout))
    own = tmp_path / "own.npy"
    files = mlflow.artifacts.download_artifacts(f"runs:/{in_run.info.run_id}/native")
    subprocess.run(
        [sys.executable, "-c", LOADS, files, str(tmp_path / "rows.npz"), str(own)],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        check=True,
    )
    np.testing.assert_allclose(np.load(own), trained.estimator.predict(columns), atol=1e-5)


@pytest.mark.parametrize("name", ["norm", "residual"])
def test_what_its_network_does_not_have_is_refused(prepared, in_run, name):
    given = {**SMALL, "library": "keras", name: {"norm": "layer", "residual": False}[name]}
    with pytest.raises(UserError, match=f"The network of Keras has no {name}; leave it out"):
        train_network(prepared, given, Launching(1))
