"""The network's training as a user runs it: its launchers, and what happens when it is killed."""

import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import mlflow
import psutil
import pytest
from mlflow.entities import Run

from tests.steps.conftest import PROJECT, Project
from tests.steps.test_chain import Chain, newest

NETWORK = "distributed"


def trained(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    prepared = newest("prep").info.run_id
    return project.script("distributed_train", "--prep_run", prepared, *arguments)


def newest_training() -> Run:
    runs = mlflow.search_runs(
        experiment_names=[NETWORK], order_by=["start_time DESC"], output_format="list"
    )
    return runs[0]


def left_over(data_root: Path) -> list[Path]:
    return list(data_root.rglob("*.training"))


@pytest.mark.slow
def test_a_killed_training_goes_on(
    project: Project, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker is killed in mid-epoch; the same command then goes on after its last checkpoint."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", NETWORK)
    prepared = newest("prep").info.run_id
    command = [sys.executable, "steps/distributed_train.py", "--prep_run", prepared]
    step = subprocess.Popen(
        [*command, "--epochs", "30"],
        env=project.environment,
        cwd=PROJECT,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    logs: list[Path] = []
    while not any("epoch 2 of 30: train loss" in log.read_text() for log in logs):
        assert time.monotonic() < deadline
        assert step.poll() is None
        threading.Event().wait(0.1)
        logs = list(project.data_root.rglob("logs/rank-0.log"))
    # the worker itself, not the shell that horovodrun started it in
    workers = [p for p in psutil.Process(step.pid).children(recursive=True) if is_worker(p, 1)]
    workers[-1].send_signal(signal.SIGKILL)
    killed = time.monotonic()
    said = step.communicate(timeout=60)[1]
    assert time.monotonic() - killed < 30
    assert step.returncode == 1
    assert "worker 1 of 2 failed: killed by signal 9" in said
    assert "the checkpoint stays in" in said
    assert newest_training().info.status == "FAILED"

    done = max(int(epoch) for epoch in re.findall(r"epoch (\d+) of 30: train loss", said))
    again = trained(project, "--epochs", "30")
    assert again.returncode == 0, again.stderr[-3000:]
    assert "going on after epoch" in again.stderr
    run = newest_training()
    assert done <= run.data.metrics["resumed_after"] < run.data.metrics["epochs_run"]
    assert {"validation_roc_auc", "test_roc_auc", "step_loss"} <= set(run.data.metrics)
    assert left_over(project.data_root) == []

    more = trained(project, "--epochs", "31", "--resume", run.info.run_id, "--launcher", "torch")
    assert more.returncode == 0, more.stderr[-3000:]
    assert newest_training().data.metrics["resumed_after"] == run.data.metrics["epochs_run"]
    assert left_over(project.data_root) == []


def is_worker(process: psutil.Process, rank: int) -> bool:
    try:
        environment, command = process.environ(), process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
    python = command[:1] == [sys.executable]
    return python and environment.get("HOROVOD_RANK") == str(rank)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--workers", "none"), "workers is 'none'; give a number, or 'auto'"),
        (("--launcher", "process"), "process runs one worker, not 2; use the launcher horovodrun"),
        (("--resume", "gone"), "There is no run 'gone' in the tracking store"),
    ],
)
def test_a_mistake_is_one_sentence(
    project: Project,
    chain: Chain,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", NETWORK)
    result = trained(project, *arguments)
    assert result.returncode == 2
    assert message in result.stderr.strip().splitlines()[-1]
