import logging

import pyarrow as pa
import pytest
import torch

from throughline.distributed.checkpoint import load_network
from throughline.distributed.job import TrainingResult
from throughline.distributed.process import launch
from throughline.errors import UserError


@pytest.mark.parametrize(
    ("label", "metric", "worst", "best"),
    [("late", "accuracy", 0.85, 1.0), ("third", "accuracy", 0.75, 1.0), ("delay", "rmse", 0, 30.0)],
)
def test_one_worker_learns_each_task_without_a_launcher(make_job, label, metric, worst, best):
    job = make_job(label)
    result = launch(job)
    assert result.workers == 1
    assert worst <= result.history[-1].validation[metric] <= best
    assert result.history[-1].train_loss < result.history[0].train_loss
    assert result.history[0].rows == 4000
    assert 0 <= result.wait_seconds < sum(record.seconds for record in result.history)
    assert TrainingResult.model_validate_json(job.result.read_text()) == result
    assert load_network(result.checkpoint).layout == job.layout


def test_it_stops_when_the_validation_loss_no_longer_improves(make_job, caplog):
    with caplog.at_level(logging.INFO, logger="throughline"):
        result = launch(make_job(epochs=40, patience=1, learning_rate=0.05))
    assert result.epochs < 40
    assert result.best_epoch == result.epochs - 1
    losses = [record.validation["loss"] for record in result.history]
    assert result.best_loss == min(losses) == losses[-2]
    assert any(line.startswith("epoch 1 of 40: train loss") for line in caplog.messages)


def test_the_same_seed_gives_the_same_weights(make_job):
    digests = [launch(make_job(epochs=1, seed=seed)).parameter_digest for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    make_job, make_rows, write_rows, tmp_path
):
    job = make_job(epochs=1)
    launch(job)
    good = job.checkpoint.read_bytes()
    with pytest.raises(UserError, match="not a number any more .* learning rate below 1e"):
        launch(make_job(learning_rate=1e30))
    assert job.checkpoint.read_bytes() == good


def test_no_validation_rows_are_an_error(make_job, make_rows, write_rows, tmp_path):
    empty = write_rows(make_rows(0, 0), tmp_path / "empty", group_rows=10, files=1)
    with pytest.raises(UserError, match="empty has no rows"):
        launch(make_job(validation=str(empty)))


def test_a_null_in_a_number_is_an_error_that_names_the_column(
    make_job, make_rows, write_rows, tmp_path
):
    table = make_rows(400, 0)
    wind = pa.array([None, *table["wind"].to_pylist()[1:]], pa.float32())
    table = table.set_column(table.column_names.index("wind"), "wind", wind)
    folder = write_rows(table, tmp_path / "nulls", group_rows=100)
    with pytest.raises(UserError, match="Column wind has 1 empty values"):
        launch(make_job(train=str(folder)))


def test_the_threads_of_the_caller_are_left_as_they_were(make_job):
    threads = torch.get_num_threads()
    launch(make_job(epochs=1, threads=threads + 1))
    assert torch.get_num_threads() == threads


def test_it_runs_one_worker_only(make_job):
    with pytest.raises(UserError, match="one worker, not 2"):
        launch(make_job(), workers=2)
