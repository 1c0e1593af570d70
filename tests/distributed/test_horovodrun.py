"""Two real workers under horovodrun, each test with one start of it (about ten seconds)."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import roc_auc_score

from throughline.distributed.checkpoint import load_network
from throughline.distributed.failure import WorkerLost
from throughline.distributed.horovodrun import launch
from throughline.distributed.job_folder import JobFolder
from throughline.errors import UserError
from throughline.models.network_batch import from_arrow


def workers_of(output: Path) -> dict[int, psutil.Process]:
    """The workers' processes by rank."""
    found = {}
    for process in psutil.process_iter():
        try:
            command, environment = process.cmdline(), process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
        is_worker = command[:1] == [sys.executable] and "HOROVOD_RANK" in environment
        if is_worker and str(output / "job.json") in command:
            found[int(environment["HOROVOD_RANK"])] = process
    return found


def mentions(text: str) -> list[psutil.Process]:
    """Processes that have a text in their command, horovodrun and its shells too."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(text in part for part in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.05)


def log_of(output: Path, rank: int) -> str:
    file = output / "logs" / f"rank-{rank}.log"
    return file.read_text() if file.is_file() else ""


@pytest.mark.slow
def test_two_workers_learn_one_network(make_job, parquet, tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("SOME_PASSWORD", "not-to-be-seen")
    job = make_job(warmup_epochs=2.0)
    with caplog.at_level(logging.INFO, logger="throughline"):
        result = launch(job, workers=2)

    assert result.workers == 2
    assert [record.rows for record in result.history] == [4000] * result.epochs
    rates = [record.learning_rate for record in result.history]
    assert rates == pytest.approx([0.0075, 0.01, 0.01, 0.01])
    assert "epoch 1 of 4: train loss" in caplog.text

    ends = [re.search(r"ends with weights (\w+)", log_of(tmp_path / "output", r)) for r in (0, 1)]
    assert [end and end[1] for end in ends] == [result.parameter_digest] * 2

    validation = from_arrow(pq.read_table(parquet / "validation"), job.layout)
    network = load_network(JobFolder(job.output))
    with torch.no_grad():
        logits = network(validation.numeric, validation.categories)
    assert roc_auc_score(validation.label, network.scores(logits)[:, 0]) > 0.95
    best = network.metrics(logits, validation.label)
    assert best["loss"] == pytest.approx(result.best_loss, rel=1e-4)

    # The same in two parts ends with the same weights, the optimizer's state included.
    parts = make_job(warmup_epochs=2.0, output=str(tmp_path / "parts"))
    launch(parts.model_copy(update={"epochs": 2}), workers=2)
    resumed = launch(parts, workers=2)
    assert resumed.resumed_after == 2
    assert resumed.parameter_digest == result.parameter_digest
    assert not mentions(str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("least", [2, 1])
def test_a_worker_that_fails_ends_the_training_with_its_rank(
    make_job, make_rows, write_rows, tmp_path, least
):
    """Also where others would go on without one that is lost: they would fail so too."""
    folder = write_rows(make_rows(400, 0), tmp_path / "train", group_rows=100, files=1)
    file = folder / "part-0.parquet"
    page = pq.read_metadata(file).row_group(3).column(1)
    content = bytearray(file.read_bytes())
    start = page.dictionary_page_offset or page.data_page_offset
    content[start : start + page.total_compressed_size] = b"\xff" * page.total_compressed_size
    file.write_bytes(content)

    with pytest.raises(RuntimeError, match=r"worker 1 of 2 failed: OSError: (.|\n)*read_row_group"):
        launch(make_job(train=str(folder)), workers=2, time_limit=60, min_workers=least)
    assert not mentions(str(tmp_path))


@pytest.mark.slow
def test_a_killed_worker_ends_the_training_soon(make_job, tmp_path):
    output = tmp_path / "output"
    errors: list[BaseException] = []

    def train() -> None:
        try:
            launch(make_job(epochs=100_000, patience=None), workers=2, time_limit=120)
        except WorkerLost as error:
            errors.append(error)

    thread = threading.Thread(target=train)
    thread.start()
    wait_for(lambda: "epoch 1 of" in log_of(output, 0))
    workers_of(output)[1].kill()
    killed = time.monotonic()
    thread.join(60)
    assert not thread.is_alive()
    assert time.monotonic() - killed < 30
    assert str(errors[0]).startswith("worker 1 of 2 failed: killed by signal 9")
    assert not mentions(str(tmp_path))


@pytest.mark.slow
def test_others_go_on_without_a_killed_worker(make_job, tmp_path, caplog):
    job = make_job(epochs=300, patience=None)
    results = []

    def train() -> None:
        results.append(launch(job, workers=2, time_limit=240, min_workers=1))

    thread = threading.Thread(target=train)
    with caplog.at_level(logging.INFO, logger="throughline"):
        thread.start()
        wait_for(lambda: "epoch 3 of" in log_of(Path(job.output), 0))
        workers_of(Path(job.output))[0].kill()
        killed = time.monotonic()
        wait_for(lambda: "worker 0 of 1" in caplog.text, seconds=30)
        assert time.monotonic() - killed < 30
        thread.join(240)
    assert "going on with those that are left, from the last checkpoint" in caplog.text
    [result] = results
    assert (result.workers, result.epochs) == (1, 300)
    together = [len(record.workers) for record in result.history].count(2)
    assert together == result.resumed_after
    assert 3 <= together < 300
    assert not mentions(str(tmp_path))

    # As if the second part had been a training of its own.
    parts = make_job(epochs=300, patience=None, output=str(tmp_path / "parts"))
    launch(parts.model_copy(update={"epochs": together}), workers=2)
    assert launch(parts, workers=1).parameter_digest == result.parameter_digest


@pytest.mark.slow
def test_an_end_of_the_caller_ends_the_workers(make_job, tmp_path):
    job = make_job(epochs=100_000, patience=None)
    file = tmp_path / "job.json"
    file.write_text(job.model_dump_json())
    code = (
        "import sys, pathlib\n"
        "from throughline.distributed.horovodrun import launch\n"
        "from throughline.distributed.job import TrainingJob\n"
        "job = TrainingJob.model_validate_json(pathlib.Path(sys.argv[1]).read_text())\n"
        "launch(job, 2)\n"
    )
    caller = subprocess.Popen(
        [sys.executable, "-c", code, str(file)], env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    wait_for(lambda: "epoch 1 of" in log_of(Path(job.output), 0))
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    wait_for(lambda: not mentions(str(tmp_path)), seconds=20)


@pytest.mark.slow
def test_a_users_error_in_a_worker_is_the_callers(make_job, tmp_path):
    with pytest.raises(UserError, match="loss in epoch 1 is not a number any more"):
        launch(make_job(learning_rate=1e30), workers=2, time_limit=60)
    assert not mentions(str(tmp_path))


@pytest.mark.slow
def test_the_time_limit_ends_everything(make_job, tmp_path):
    job = make_job(epochs=100_000, patience=None)
    with pytest.raises(UserError, match="did not end within 5 s .* more time"):
        launch(job, workers=2, time_limit=5)
    assert not mentions(str(tmp_path))


def test_more_workers_than_rows_end_before_any_worker_starts(make_job, tmp_path):
    with pytest.raises(UserError, match="4000 training rows, and 2001 workers need at least two"):
        launch(make_job(), workers=2001)
    assert not (tmp_path / "output").exists()
