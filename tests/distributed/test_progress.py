import logging

import pytest
from mlflow.tracking import MlflowClient

from throughline.distributed.job import EpochRecord
from throughline.distributed.progress import Progress


def record(epoch: int) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        train_loss=0.5 / epoch,
        validation={"loss": 0.6, "accuracy": 0.7},
        learning_rate=0.01,
        rows=1000,
        seconds=2.0,
        wait_seconds=0.1,
    )


@pytest.fixture
def client(tmp_path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_the_first_worker_logs_each_epoch_to_the_run(client, make_job, caplog):
    run = client.create_run(client.create_experiment("networks")).info.run_id
    job = make_job(run_id=run, tracking_uri=client.tracking_uri)
    silent, speaking = (Progress(job, steps=10, speaks=speaks) for speaks in (False, True))
    for epoch in (1, 2):
        silent.epoch(record(epoch + 10), best_epoch=1)
        speaking.epoch(record(epoch), best_epoch=1)
    history = client.get_metric_history(run, "train_loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.25)]
    assert client.get_run(run).data.metrics["validation_accuracy"] == 0.7
    assert client.get_run(run).data.metrics["rows_per_second"] == 500.0

    lost = Progress(make_job(run_id="gone", tracking_uri=client.tracking_uri), 10, speaks=True)
    with caplog.at_level(logging.WARNING, logger="throughline"):
        lost.epoch(record(3), best_epoch=1)
    assert "epoch 3 was not logged to MLflow" in caplog.text


def test_lines_say_what_was_reached_and_how_long_it_takes(make_job, caplog):
    progress = Progress(make_job(), steps=10, speaks=True)
    progress.started -= 20.0
    progress.last_line -= 20.0
    with caplog.at_level(logging.INFO, logger="throughline"):
        progress.step(epoch=1, step=5)
        progress.step(epoch=1, step=6)
        progress.epoch(record(2), best_epoch=1)
    assert caplog.messages[0] == "epoch 1 of 4: step 5 of 10, at most 140 s left"
    assert caplog.messages[1].startswith(
        "epoch 2 of 4: train loss 0.2500, validation loss 0.6000, accuracy 0.7000 "
        "(best in epoch 1), 500 rows/s, at most 20 s left"
    )
    assert len(caplog.messages) == 2
