"""The network of TensorFlow in distributed training, in processes that have the extra.

Keras cannot change its backend in a process, and the one of the tests may have torch's.
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.distributed.conftest import worker_processes
from tests.extras import install, install_horovod
from throughline.distributed import launchers
from throughline.distributed.job_folder import RESULT, JobFolder, log_name
from throughline.errors import UserError

PROJECT = Path(__file__).parents[2]
TRAIN = """
import sys
from throughline.distributed.job import TrainingJob
from throughline.distributed.launchers import launch
from throughline.errors import UserError
launcher, workers, *files = sys.argv[1:]
for file in files:
    try:
        launch(TrainingJob.model_validate_json(open(file).read()), int(workers), launcher, 1)
    except UserError as error:
        sys.exit(f"user error: {error}")
"""
SERVE = """
import json, sys
import mlflow, numpy as np
from throughline.distributed.network_family import Launching, train_network
from throughline.models.keras_family import inputs_of
from throughline.prepared import PreparedTable
table = PreparedTable.open(sys.argv[1])
mlflow.set_tracking_uri(f"sqlite:///{sys.argv[2]}/mlflow.db")
kept = mlflow.create_experiment("made", artifact_location=f"file://{sys.argv[2]}/artifacts")
with mlflow.start_run(experiment_id=kept) as run:
    given = {"hidden": [8], "epochs": 3, "learning_rate": 0.01, "library": "tensorflow"}
    trained = train_network(table, given, Launching(1))
    trained.log_native()
columns = table.columns("test")
loaded = mlflow.tensorflow.load_model(f"runs:/{run.info.run_id}/native")
own = loaded.predict(inputs_of(columns, table.layout), verbose=0)
print(json.dumps({
    "apart": float(np.abs(own - trained.estimator.predict(columns)).max()),
    "otherwise": trained.metrics["rows_scored_otherwise"],
    "parameters": sorted(trained.parameters),
}))
"""
AS_TORCH = """
import sys
import numpy as np, torch
from throughline.distributed.device import take_device
from throughline.distributed.group import Alone
from throughline.distributed.job import TrainingJob
from throughline.distributed.learner import new_learner
from throughline.models.network_batch import Batch
from throughline.models.network_libraries import new_network
for file in sys.argv[1:]:
    job = TrainingJob.model_validate_json(open(file).read())
    device = take_device(job.library, Alone(), 1)
    network = new_network(job.library, job.layout, job.network)
    learner = new_learner(job, network, Alone(), device, {}, {})
    draw = np.random.default_rng(5)
    label = 1e6 + 40 * draw.normal(size=64) if job.layout.classes is None else draw.integers(
        0, len(job.layout.classes), 64
    )
    if job.layout.classes is None:
        network.set_target(1e6, 40.0)
    tensors = (
        draw.normal(size=(64, 3)).astype("float32"), draw.integers(0, 4, (64, 2)), label,
        draw.uniform(0, 3, (64, 1)).astype("float32"),
    )
    batch = Batch(*map(torch.from_numpy, tensors))
    made = learner.step(batch, 1.0)
    wanted = network.loss(made.logits, batch.label, batch.weight)
    assert torch.allclose(made.loss, wanted.float(), rtol=1e-5), (made.loss, wanted)
    arguments = network.inputs(batch.numeric, batch.categories), network.target_of(batch.label)
    weights = batch.weight[:, 0].numpy()
    learner.seed(3)
    *_, whole = learner._gradients(arguments[0], arguments[1].numpy(), weights, np.float32(1))
    learner.seed(3)
    *_, half = learner._gradients(arguments[0], arguments[1].numpy(), weights, np.float32(0.5))
    assert all(np.allclose(2 * a.numpy(), b.numpy(), atol=1e-6) for a, b in zip(half, whole))
    learner.seed(4)
    *_, other = learner._gradients(arguments[0], arguments[1].numpy(), weights, np.float32(1))
    assert not all(np.allclose(a.numpy(), b.numpy()) for a, b in zip(other, whole))
    gathered = network.statistics()
    assert len(gathered) == 2
    network.set_statistics([values + 1 for values in gathered])
    assert all(torch.equal(a + 1, b) for a, b in zip(gathered, network.statistics()))
    again = new_network(job.library, job.layout, job.network).eval()
    again.load_state_dict(network.eval().state_dict())
    rows = batch.numeric, batch.categories
    assert torch.equal(network(*rows), again(*rows))
    assert again.target == network.target
"""
TENSORFLOW = {"library": "tensorflow", "warmup_epochs": 0.0}


@pytest.fixture(scope="module")
def extra(tmp_path_factory):
    """The folder of the extra."""
    return install("requirements-tensorflow.txt", tmp_path_factory.mktemp("extra"))


def run(program, *arguments, extra, **variables):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(extra), **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=PROJECT)


def written(jobs, folder):
    """The jobs as files."""
    files = [folder / f"job-{number}.json" for number in range(len(jobs))]
    for job, file in zip(jobs, files, strict=True):
        file.write_text(job.model_dump_json())
    return files


@pytest.fixture
def train(extra, tmp_path):
    """Trains jobs, one after the other, in a process of their own."""

    def trained(*jobs, workers=1, launcher="auto", extra=extra, **variables):
        files = written(jobs, tmp_path)
        made = run(TRAIN, launcher, workers, *files, extra=extra, **variables)
        if said := re.search(r"^user error: (.*)", made.stderr, re.MULTILINE):
            raise UserError(said[1])
        assert made.returncode == 0, made.stderr[-3000:]
        return [json.loads(JobFolder(job.output).text(RESULT)) for job in jobs]

    return trained


@pytest.mark.slow
def test_its_loss_is_torchs_and_its_state_is_whole(extra, make_job, tmp_path):
    jobs = [make_job(label, **TENSORFLOW) for label in ("late", "third", "delay")]
    made = run(AS_TORCH, *written(jobs, tmp_path), extra=extra)
    assert made.returncode == 0, made.stderr[-3000:]


def delay_deviation(job):
    return pq.read_table(job.validation)["delay"].to_numpy().std()


@pytest.mark.slow
def test_it_learns_each_task(train, make_job, tmp_path):
    labels = {"late": "accuracy", "third": "accuracy", "delay": "rmse"}
    jobs = [make_job(n, epochs=6, output=str(tmp_path / n), **TENSORFLOW) for n in labels]
    trained = train(*jobs, KERAS_BACKEND="torch")  # for the user's other work
    late, third, delay = (
        [record["validation"][metric] for record in result["history"]]
        for result, metric in zip(trained, labels.values(), strict=True)
    )
    assert max(late) > 0.85
    assert max(third) > 0.7
    assert min(delay) < 0.3 * delay_deviation(jobs[2])


@pytest.mark.slow
def test_a_training_in_two_parts_ends_as_one(train, make_job, tmp_path):
    settings = {**TENSORFLOW, "clip_norm": 1.0}
    jobs = [
        make_job(epochs=epochs, output=str(tmp_path / folder), **settings)
        for epochs, folder in ((3, "whole"), (2, "parts"), (3, "parts"))
    ]
    train(*jobs[:2])
    resumed = train(jobs[2])[0]
    whole = json.loads(JobFolder(jobs[0].output).text(RESULT))
    assert resumed["resumed_after"] == 2
    assert resumed["parameter_digest"] == whole["parameter_digest"]


@pytest.mark.slow
def test_it_is_served_and_logged_as_tensorflow_scores(extra, prepared, tmp_path):
    made = run(SERVE, prepared.output.uri, tmp_path, extra=extra)
    assert made.returncode == 0, made.stderr[-3000:]
    told = json.loads(made.stdout.splitlines()[-1])
    assert told["apart"] < 1e-5
    assert told["otherwise"] == 0
    assert {"norm", "residual"}.isdisjoint(told["parameters"])


@pytest.mark.slow
def test_what_cannot_train_it_is_refused(train, make_job):
    with pytest.raises(UserError, match="no Horovod with its part for TensorFlow here"):
        train(make_job(**TENSORFLOW), workers=2)
    with pytest.raises(UserError, match="trains in float32, not in bfloat16"):
        train(make_job(precision="bfloat16", **TENSORFLOW))


def test_without_the_extra_it_says_what_to_install(make_job):
    with pytest.raises(UserError, match="needs TensorFlow, .* install requirements-tensorflow.txt"):
        launchers.launch(make_job(**TENSORFLOW), 1, "auto", 1)


@pytest.mark.long
def test_horovods_workers_learn_one_network(train, make_job, extra, tmp_path):
    both = install_horovod(tmp_path / "horovod", HOROVOD_WITH_TENSORFLOW="1")
    with_horovod = {"extra": f"{both}{os.pathsep}{extra}", "workers": 2}
    settings = {**TENSORFLOW, "clip_norm": 1.0}
    late, whole, half = (
        make_job(label, epochs=epochs, output=str(tmp_path / folder), **settings)
        for label, epochs, folder in (("late", 4, "a"), ("delay", 3, "b"), ("delay", 2, "c"))
    )
    (result,) = train(late, **with_horovod)
    assert result["workers"] == 2  # whose weights were compared at the end
    assert result["history"][-1]["validation"]["accuracy"] > 0.85
    first, _ = train(whole, half, **with_horovod)
    (resumed,) = train(half.model_copy(update={"epochs": 3}), **with_horovod)
    assert resumed["resumed_after"] == 2
    assert resumed["parameter_digest"] == first["parameter_digest"]
    with pytest.raises(UserError, match="launcher torch cannot train a network of the library ten"):
        train(late, launcher="torch", **with_horovod)

    # the one that is left goes on in its process
    lost = make_job("late", epochs=200, patience=None, output=str(tmp_path / "d"), **settings)
    killer = threading.Thread(target=_kill_the_first, args=(lost.output,))
    killer.start()
    (result,) = train(lost, **with_horovod)
    killer.join()
    assert (result["workers"], result["epochs"]) == (1, 200)
    assert "going on with those that are left" in JobFolder(lost.output).text(log_name(1))


def _kill_the_first(output: str) -> None:
    """Kills the first worker after an epoch or two."""
    deadline = time.monotonic() + 120
    while "epoch 2 of" not in JobFolder(output).text(log_name(0)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker_processes(output)[0].kill()
