"""Two real workers under torchrun and under Spark's TorchDistributor."""

import pytest

from throughline.distributed.checkpoint import load_network
from throughline.distributed.failure import WorkerLost
from throughline.distributed.horovodrun import launch as launch_horovod
from throughline.distributed.job_folder import JobFolder, log_name
from throughline.distributed.torch import launch, launch_on_spark


@pytest.mark.slow
def test_torchs_workers_learn_what_horovods_do(make_job, tmp_path):
    """The same seeds, shards and steps: only the order of sums differs.

    Without batch norm, before which a bias has no gradient but noise.
    """
    network = {"hidden": [32, 32], "dropout": 0.0, "norm": "layer"}
    first = make_job("delay", network=network, output=str(tmp_path / "torch"))
    second = make_job("delay", network=network, output=str(tmp_path / "horovod"))
    torchs, horovods = launch(first, 2, 120), launch_horovod(second, 2, 120)
    assert torchs.workers == 2
    for ours, theirs in zip(torchs.history, horovods.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-4)
        assert ours.validation == pytest.approx(theirs.validation, rel=1e-4)
    one, other = (load_network(JobFolder(job.output)).state_dict() for job in (first, second))
    for name, weights in one.items():
        assert (weights.double() - other[name].double()).abs().max() < 1e-3, name


@pytest.mark.slow
def test_a_killed_worker_under_torchrun_is_named(make_job, killer):
    job = make_job(epochs=100_000, patience=None)
    with killer(job, rank=1), pytest.raises(WorkerLost, match="worker 1 of 2 failed: killed by"):
        launch(job, 2, 120)


@pytest.mark.slow
def test_torch_on_spark_gives_a_worker_to_each_task(spark, make_job):
    job = make_job()
    result = launch_on_spark(job, 2)
    assert result.workers == 2
    assert result.history[-1].validation["accuracy"] > 0.85
    assert "worker 1 of 2 ends with weights" in JobFolder(job.output).text(log_name(1))
