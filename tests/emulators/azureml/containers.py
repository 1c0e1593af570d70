"""Containers of services: processes that really run an entry script on a model."""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.emulators.server import Answer, Request
from tests.emulators.tracking_server import clean_environment
from tests.steps.conftest import free_port

_SECONDS = 240
_SERVER = Path(__file__).parent / "container" / "inference_server.py"


@dataclass
class Container:
    """A process that serves.

    Attributes:
        folder: Its files: below ``app`` the code, below ``models`` the models.
        variables: The environment's variables of its own.
    """

    folder: Path
    variables: Mapping[str, str]
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Starts it; :meth:`wait` tells when it serves."""
        own = {"AML_APP_ROOT": str(self.folder / "app"), **self.variables}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(_SERVER), str(self.port)],
                cwd=self.folder,
                env={**clean_environment(), "OMP_NUM_THREADS": "1", **own},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> bool:
        """Waits until it serves; False if it ended instead."""
        deadline = time.monotonic() + _SECONDS
        while self.process.poll() is None:
            try:
                return requests.get(f"{self._url}/", timeout=60).ok
            except requests.ConnectionError:
                assert time.monotonic() < deadline, "the container did not start"
                time.sleep(0.05)
        return False

    def score(self, request: Request) -> Answer:
        """Its answer to a request."""
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        answer = requests.post(f"{self._url}/score", request.body, headers=headers, timeout=60)
        return Answer(answer.content, answer.status_code, answer.headers["Content-Type"])

    def log(self, lines: int) -> str:
        text = self._log.read_text() if self._log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}"
