"""MLflow's own server, as a process of its own, behind an emulator or alone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.emulators.server import Answer, Request
from tests.steps.conftest import free_port

_SECONDS = 240
_PREFIXES = ("MLFLOW_", "DATABRICKS_", "THROUGHLINE_", "AZURE", "PYTHONPATH", "PYSPARK", "SPARK_")


@contextmanager
def tracking_server(folder: Path, artifact_root: str) -> Iterator[str]:
    """Runs the server as ``mlflow server`` does, without that command's own process.

    Args:
        folder: Where its database and its log are.
        artifact_root: Below which clients write a run's artifacts.

    Yields:
        Its address.
    """
    port = free_port()
    store = f"sqlite:///{folder}/mlflow.db"
    settings = {
        "_MLFLOW_SERVER_FILE_STORE": store,
        "_MLFLOW_SERVER_REGISTRY_STORE": store,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": artifact_root,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    app = ["-m", "uvicorn", "--port", str(port), "mlflow.server.fastapi_app:app"]
    with (folder / "tracking.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *app],
            cwd=folder,
            env={**clean_environment(), **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def forward(request: Request, url: str, query: Mapping[str, str], body: bytes) -> Answer:
    """Has the server answer a request."""
    headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
    answer = requests.request(
        request.method, url, params=dict(query), data=body, headers=headers, timeout=60
    )
    return Answer(answer.content, answer.status_code, answer.headers["Content-Type"])


def clean_environment() -> dict[str, str]:
    """This process's, without what says where runs and models go or where code is."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_PREFIXES)}


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _SECONDS
    ready = f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0"
    while process.poll() is None:
        try:
            requests.get(ready, timeout=60).raise_for_status()
            return
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "the tracking server did not start"
            time.sleep(0.1)
    raise AssertionError("the tracking server ended")
