"""Two real workers beside tasks of Spark, by ``horovod.spark.run`` and by HorovodRunner."""

import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from throughline.distributed import databricks
from throughline.distributed.failure import WorkerLost
from throughline.distributed.job_folder import RESULT, JobFolder, log_name
from throughline.distributed.spark import launch, worker_arguments, worker_of
from throughline.errors import UserError

EMULATORS = Path(__file__).parents[1] / "emulators"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def signals() -> list[object]:
    """What this process does when it is to end."""
    return [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.slow
def test_each_task_of_spark_has_a_worker(spark, make_job, caplog):
    job = make_job()
    before = signals()
    with caplog.at_level(logging.INFO, logger="throughline"):
        result = launch(job, 2)
    assert result.workers == 2
    assert signals() == before
    assert result.history[-1].validation["accuracy"] > 0.85
    assert "epoch 4 of 4: train loss" in caplog.text
    assert "worker 1 of 2 ends with weights" in JobFolder(job.output).text(log_name(1))


@pytest.mark.slow
def test_a_worker_killed_beside_spark_is_named(spark, make_job, killer):
    job = make_job(epochs=100_000, patience=None)
    # Horovod tells the exit of the first process that it sees, which may be the other one's.
    said = "worker 1 of 2 failed: (killed by signal 9|it ended without a word)"
    with killer(job, rank=1), pytest.raises(WorkerLost, match=said):
        launch(job, 2)
    assert spark.range(3).count() == 3


@pytest.mark.slow
def test_a_worker_brings_the_package_to_a_machine_that_has_it_not(make_job, tmp_path):
    """The function as it is pickled for a cluster, in a process that cannot import the project."""

    class Cluster:
        class sparkContext:  # noqa: N801 (Spark's name)
            master = "spark://elsewhere"

    job = make_job(epochs=1)
    JobFolder(job.output).begin("{}")
    sent = tmp_path / "sent"
    text, backend, _ = worker_arguments(job, "torch")
    sent.write_bytes(cloudpickle.dumps((worker_of(Cluster()), (text, backend, {}))))
    code = (
        "import pickle, sys; function, arguments = pickle.load(open(sys.argv[1], 'rb'));"
        "function(*arguments); import throughline; print(throughline.__file__)"
    )
    places = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1"}
    master = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    subprocess.run(
        [sys.executable, "-P", "-c", code, str(sent)],
        env={**os.environ, **places, **master, "PYTHONPATH": ""},
        cwd=tmp_path,
        check=True,
    )
    log = JobFolder(job.output).text(log_name(0))
    assert "throughline.zip/throughline/__init__.py" in log
    assert JobFolder(job.output).text(RESULT)


def test_more_workers_than_places_are_an_error(spark, make_job):
    with pytest.raises(UserError, match=r"Spark has \d+ places here, too few for 2000 workers"):
        launch(make_job(), 2000)


def test_a_worker_elsewhere_gets_what_it_needs_for_tracking(make_job, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "secret")
    job, backend, environment = worker_arguments(make_job(run_id="a run"))
    assert backend == "horovod"
    assert environment["MLFLOW_TRACKING_USERNAME"] == "secret"
    assert "MLFLOW_TRACKING_URI" in environment
    assert "secret" not in job


@pytest.mark.slow
def test_horovodrunner_trains_on_the_clusters_tasks(spark, make_job, monkeypatch):
    monkeypatch.syspath_prepend(str(EMULATORS))
    before = signals()
    try:
        result = databricks.launch(make_job(), 2)
    finally:
        sys.modules.pop("sparkdl", None)
    assert result.workers == 2
    assert signals() == before
    assert result.history[-1].validation["accuracy"] > 0.85


def test_no_horovodrunner_is_an_error_that_says_where_it_is(make_job, monkeypatch):
    monkeypatch.setitem(sys.modules, "sparkdl", None)
    with pytest.raises(UserError, match="comes with Databricks Runtime ML up to 15.4; use the"):
        databricks.launch(make_job(), 2)
