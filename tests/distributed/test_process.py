import logging
import resource

import pyarrow as pa
import pytest
import torch

from throughline.distributed.checkpoint import load_network
from throughline.distributed.job import TrainingResult
from throughline.distributed.job_folder import CHECKPOINT, RESULT, JobFolder
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
    folder = JobFolder(job.output)
    assert TrainingResult.model_validate_json(folder.text(RESULT)) == result
    assert load_network(folder).layout == job.layout


def test_it_stops_when_the_validation_loss_no_longer_improves(make_job, caplog):
    with caplog.at_level(logging.INFO, logger="throughline"):
        result = launch(make_job(epochs=40, patience=1, learning_rate=0.05))
    assert result.epochs < 40
    assert result.best_epoch == result.epochs - 1
    losses = [record.validation["loss"] for record in result.history]
    assert result.best_loss == min(losses) == losses[-2]
    assert any(line.startswith("epoch 1 of 40: train loss") for line in caplog.messages)


def test_the_same_seed_gives_the_same_weights(make_job, tmp_path):
    digests = [
        launch(make_job(epochs=3, seed=seed, output=str(tmp_path / str(n)))).parameter_digest
        for n, seed in enumerate((1, 1, 2))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(make_job):
    job = make_job(epochs=1)
    launch(job)
    good = JobFolder(job.output).read(CHECKPOINT)
    with pytest.raises(UserError, match="in epoch 2 .* good one was of epoch 1.* rate below 1e"):
        launch(make_job(epochs=3, learning_rate=1e30))
    assert JobFolder(job.output).read(CHECKPOINT) == good


def test_a_training_goes_on_as_if_it_had_not_been_ended(make_job, tmp_path, caplog):
    first = launch(make_job(epochs=2))
    with caplog.at_level(logging.INFO, logger="throughline"):
        second = launch(make_job(epochs=4))
    assert (first.epochs, first.resumed_after) == (2, 0)
    assert (second.epochs, second.resumed_after) == (4, 2)
    assert second.history[:2] == first.history
    whole = launch(make_job(epochs=4, output=str(tmp_path / "whole")))
    assert whole.parameter_digest == second.parameter_digest
    assert second.history[2].train_loss < first.history[1].train_loss
    assert "going on after epoch 2" in caplog.text
    with caplog.at_level(logging.WARNING, logger="throughline"):
        again = launch(make_job(epochs=4))
    assert again.parameter_digest == second.parameter_digest
    assert (again.epochs, again.resumed_after) == (4, 4)
    assert "nothing is left to train: 4 epochs ran" in caplog.text


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"network": {"hidden": [16]}}, r"its hidden is \(32, 32\)"),
        ({"label": "third"}, "its label and classes"),
    ],
)
def test_a_checkpoint_of_another_network_is_an_error(make_job, changes, what):
    launch(make_job(epochs=1))
    with pytest.raises(UserError, match=f"another network .{what}.*; start anew with resume=none"):
        launch(make_job(**changes))


def test_a_checkpoint_of_other_rows_is_an_error(make_job, make_rows, write_rows, tmp_path):
    launch(make_job(epochs=1))
    other = write_rows(make_rows(400, 3), tmp_path / "other", group_rows=100)
    with pytest.raises(UserError, match="checkpoint is of other rows, .*; its losses and codes"):
        launch(make_job(train=str(other)))


def test_a_checkpoint_that_is_damaged_is_an_error(make_job):
    job = make_job(epochs=1)
    launch(job)
    folder = JobFolder(job.output)
    folder.write(CHECKPOINT, (folder.read(CHECKPOINT) or b"")[:500])
    with pytest.raises(UserError, match="checkpoint cannot be read .*; start anew"):
        launch(job)


def test_a_full_disk_leaves_the_previous_checkpoint_whole(make_job):
    """A limit on the size of files stands for a disk that is full: the same error of the system."""
    job = make_job(epochs=1)
    launch(job)
    good = JobFolder(job.output).read(CHECKPOINT)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(good) // 2, before[1]))
    try:
        with pytest.raises(UserError, match="checkpoint of epoch 2 could not be written .*make ro"):
            launch(make_job(epochs=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    folder = JobFolder(job.output)
    assert folder.read(CHECKPOINT) == good
    assert not list(folder.path(".").glob("*.draft"))
    assert launch(make_job(epochs=2)).epochs == 2


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_and_keeps_float32_weights(make_job, precision):
    job = make_job(precision=precision)
    result = launch(job)
    assert result.precision == precision
    assert result.history[-1].validation["accuracy"] > 0.85
    dtypes = {weight.dtype for weight in load_network(JobFolder(job.output)).parameters()}
    assert dtypes == {torch.float32}


def test_clipping_bounds_the_gradients(make_job, tmp_path):
    """Adam divides by the gradients' own size: only where that changes does a bound show."""
    free = launch(make_job(epochs=1, output=str(tmp_path / "free")))
    wide = launch(make_job(epochs=1, clip_norm=1e9, output=str(tmp_path / "wide")))
    tight = launch(make_job(epochs=1, clip_norm=1e-12, output=str(tmp_path / "tight")))
    assert wide.parameter_digest == free.parameter_digest
    # Below Adam's epsilon nothing is learnt.
    assert tight.history[0].train_loss > free.history[0].train_loss + 0.05


def test_a_batch_larger_than_the_rows_is_said(make_job, caplog):
    with caplog.at_level(logging.WARNING, logger="throughline"):
        result = launch(make_job(epochs=1, batch_size=10_000))
    assert result.epochs == 1
    assert "batch_size is 10000 and a worker has 4000 rows" in caplog.text


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
