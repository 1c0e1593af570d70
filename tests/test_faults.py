"""Faults of the machine as sentences."""

import errno
import os
import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest
from mlflow.exceptions import MlflowException

from throughline.faults import sentence_of


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/part-0.parquet"),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError("Caused by: java.io.IOException: No space left on device\n\tat java.base"),
        RuntimeError("(sqlite3.OperationalError) database or disk is full"),
        raised(ValueError("it failed"), OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_a_full_disk(error):
    said = sentence_of(error)
    assert said.startswith("The disk is full; free some space and run the same command again")
    assert "\n" not in said


def test_a_server_that_is_gone(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:secret@127.0.0.1:9")  # not to be told
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    import mlflow

    with pytest.raises(MlflowException) as found:
        mlflow.MlflowClient("http://127.0.0.1:9").get_run("x")
    assert sentence_of(found.value).startswith("The tracking server http://127.0.0.1:9 does not")


def test_a_server_that_does_not_answer_in_time(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    import mlflow

    with ExitStack() as opened:
        full = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # as many wait as may: it takes no more
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        with pytest.raises(MlflowException, match="failed with timeout exception") as found:
            mlflow.MlflowClient(url).get_run("x")
    assert sentence_of(found.value).startswith(f"The tracking server {url} does not answer")


@pytest.mark.parametrize(
    "error", [KeyError("x"), FileNotFoundError(2, "No such file"), ValueError()]
)
def test_a_bug_is_none(error):
    assert sentence_of(error) is None


KILLED = """
import os, signal
from throughline.spark import session
from throughline.step import run_step

def main():
    spark = session("killed")
    os.kill(spark.sparkContext._gateway.proc.pid, signal.SIGKILL)
    spark.range(10).count()

run_step(main)
"""


@pytest.mark.slow
def test_spark_that_was_killed(tmp_path):
    (tmp_path / "step.py").write_text(KILLED)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "step.py")],
        env={**os.environ, "PYTHONPATH": ".", "THROUGHLINE_SPARK_MEMORY": "1g"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "error: Spark's Java process ended in the middle of the work (killed by signal 9)" in (
        done.stderr
    )
    assert "Traceback" not in done.stderr
