"""A real MLflow tracking server with an artifact server, which can be killed and started again."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.steps.conftest import free_port


@dataclass
class TrackingServer:
    """``mlflow server`` on a database; artifacts go through it.

    Attributes:
        folder: Where its artifacts and its log are.
        store: Its database.
        workers: How many processes answer.
    """

    folder: Path
    store: str
    workers: int = 1
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> "Iterator[TrackingServer]":
        """Serves during the block."""
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def start(self) -> None:
        """Starts it and waits until it answers."""
        dropped = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID")
        environment = {name: v for name, v in os.environ.items() if name not in dropped}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "mlflow", "server", "--port", str(self.port)),
                    *("--backend-store-uri", self.store, "--workers", str(self.workers)),
                    *("--artifacts-destination", str(self.folder / "artifacts")),
                ],
                env={**environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while True:
            try:
                requests.get(f"{self.url}/health", timeout=5).raise_for_status()
                return
            except requests.RequestException:
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                assert time.monotonic() < deadline, "the tracking server did not start"
                time.sleep(0.1)

    def kill(self) -> None:
        """Kills it and its workers."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
        self.process.wait()
