import logging

import mlflow
import pytest
import torch
from mlflow.tracking import MlflowClient

from throughline.distributed.job import EpochRecord, WorkerRecord
from throughline.distributed.progress import Progress, _of_steps


def record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        train_loss=0.5 / epoch,
        validation={"loss": 0.6, "accuracy": 0.7},
        learning_rate=0.01,
        rows=1000,
        seconds=2.0,
        wait_seconds=0.1,
        workers=[
            WorkerRecord(rows=500, wait_seconds=0.0, own_seconds=1.0),
            WorkerRecord(rows=500, wait_seconds=0.2, own_seconds=2.0),
        ],
    )


FIGURES = torch.tensor([[5.0, 2.0], [10.0, 4.0], [9.0, 3.0], [10.0, 4.0]], dtype=torch.float64)
"""Sums of losses, weights, agreement and rows in two steps."""


@pytest.fixture
def client(tmp_path, monkeypatch) -> MlflowClient:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    yield MlflowClient()
    mlflow.set_tracking_uri(before)


def test_the_first_worker_logs_epochs_steps_and_workers(client, make_job, caplog):
    run = client.create_run(client.create_experiment("networks")).info.run_id
    job = make_job(run_id=run)
    silent, speaking = (Progress(job, 2, 0, speaks=speaks) for speaks in (False, True))
    for epoch in (1, 2):
        silent.epoch(record(epoch + 10), 1, FIGURES)
        speaking.epoch(record(epoch), 1, FIGURES)

    def history(name: str) -> list[tuple[int, float]]:
        return [(metric.step, metric.value) for metric in client.get_metric_history(run, name)]

    assert history("train_loss") == [(1, 0.5), (2, 0.25)]
    assert history("step_loss") == [(1, 0.5), (2, 0.5), (3, 0.5), (4, 0.5)]
    assert history("step_accuracy") == [(1, 0.9), (2, 0.75), (3, 0.9), (4, 0.75)]
    found = client.get_run(run).data.metrics
    assert found["validation_accuracy"] == 0.7
    assert found["rows_per_second"] == 500.0
    assert found["worker_0_rows_per_second"] == 500.0
    assert found["worker_1_rows_per_second"] == found["workers_slowest_rows_per_second"] == 250.0
    assert found["worker_1_wait_seconds"] == found["workers_longest_wait_seconds"] == 0.2

    lost = Progress(make_job(run_id="gone"), 2, 0, speaks=True)
    with caplog.at_level(logging.WARNING, logger="throughline"):
        lost.epoch(record(3), 1, FIGURES)
    assert "epoch 3 was not logged to MLflow" in caplog.text


def test_a_server_that_is_gone_is_told_without_its_password(gone_server, make_job, caplog):
    gone_server()
    with caplog.at_level(logging.WARNING, logger="throughline"):
        Progress(make_job(run_id="x"), 2, 0, speaks=True).epoch(record(1), 1, FIGURES)
    assert "not logged to MLflow: API request to http://127.0.0.1:9/api" in caplog.text
    assert "secret" not in caplog.text


def test_of_many_steps_some_are_logged():
    steps = list(_of_steps(torch.ones(4, 1234)))
    assert len(steps) == 94
    assert steps[0][0] == 13
    assert {second[0] - first[0] for first, second in zip(steps, steps[1:], strict=False)} == {13}


def test_lines_say_what_was_reached_and_how_long_it_takes(make_job, caplog):
    progress = Progress(make_job(), 10, 0, speaks=True)
    progress.started -= 20.0
    progress.last_line -= 20.0
    with caplog.at_level(logging.INFO, logger="throughline"):
        progress.step(epoch=1, step=5)
        progress.step(epoch=1, step=6)
        progress.epoch(record(2), 1, FIGURES)
    assert caplog.messages[0] == "epoch 1 of 4: step 5 of 10, at most 140 s left"
    assert caplog.messages[1].startswith(
        "epoch 2 of 4: train loss 0.2500, validation loss 0.6000, accuracy 0.7000 "
        "(best in epoch 1), 500 rows/s, at most 20 s left"
    )
    assert caplog.messages[2].startswith("worker 1 takes 2.0 times as long for its rows")
    assert len(caplog.messages) == 3


def test_a_resumed_training_tells_the_time_of_what_is_left(make_job, caplog):
    progress = Progress(make_job(epochs=10), 10, 8, speaks=True)
    progress.started -= 20.0
    progress.last_line -= 20.0
    with caplog.at_level(logging.INFO, logger="throughline"):
        progress.step(epoch=9, step=5)
    assert caplog.messages[0] == "epoch 9 of 10: step 5 of 10, at most 60 s left"
