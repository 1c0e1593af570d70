"""Starting a server in two steps: it loads its model first, and takes the port when told."""

import errno
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from throughline.checkout import project_root
from throughline.deployment import handover
from throughline.deployment.client import EndpointClient
from throughline.deployment.limits import Limits
from throughline.deployment.port import in_use
from throughline.deployment.process import ServerProcess
from throughline.deployment.serve import SERVE
from throughline.deployment.state import EndpointState
from throughline.deployment.target import ModelVersion
from throughline.deployment.token import fingerprint
from throughline.errors import UserError

LOAD_SECONDS = 180.0
ANSWER_SECONDS = 30.0
SHOWN_LINES = 8


class Launch:
    """A server on its way up, detached from this process.

    It tells over a socket pair when its model is loaded, and then waits for the socket to listen
    on: a model that does not load never disturbs the server that holds the port. If this process
    ends before it gave the socket, the server ends too.

    Args:
        model: The version to serve.
        path: The folder with the model's files.
        host: The address to listen on.
        port: The port to listen on.
        log: The file that receives what the server prints; an old one is replaced.
    """

    def __init__(self, model: ModelVersion, path: str, host: str, port: int, log: Path) -> None:
        limits = Limits.from_environment()
        log.unlink(missing_ok=True)  # a server that still writes there keeps its own file
        self._began = time.perf_counter()
        self._control, theirs = socket.socketpair()
        with theirs, log.open("wb") as sink:
            self._popen = subprocess.Popen(
                _command(model, path, host, port, theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )
        process = ServerProcess.of(self._popen.pid)
        settings = (fingerprint(), limits)
        self.state = EndpointState(model, path, host, port, process, str(log), *settings)

    def wait_loaded(self, seconds: float = LOAD_SECONDS) -> None:
        """Waits until the model is loaded.

        Raises:
            UserError: The server ended or took too long; the sentence holds its log's last lines.
        """
        self._control.settimeout(seconds)
        try:
            message = self._control.recv(16)
        except TimeoutError:
            raise self._failure(f"did not load its model within {seconds:g} s") from None
        except ConnectionError:
            message = b""
        if not message:
            raise self._failure(f"ended with exit code {self._popen.wait(30)} while it loaded")

    def listen(self, listener: socket.socket, seconds: float = ANSWER_SECONDS) -> float:
        """Gives the server its socket and waits until it answers there.

        Another server may answer on the same socket meanwhile.

        Returns:
            The seconds from the start of the process to its first answer.

        Raises:
            UserError: The server ended or did not answer in time, or another program has the port.
        """
        try:
            handover.pass_on(self._control, SERVE, listener)
        except ConnectionError:
            raise self._failure(f"ended with exit code {self._popen.wait(30)}") from None
        except OSError as error:  # a port that is only held may be held and taken by others, too
            if error.errno == errno.EADDRINUSE:
                raise in_use(self.state.port) from None
            raise
        deadline = time.monotonic() + seconds
        while EndpointClient(self.state.url).pid() != self._popen.pid:
            if (code := self._popen.poll()) is not None:
                raise self._failure(f"ended with exit code {code} as it started")
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {seconds:g} s")
            time.sleep(0.02)
        return time.perf_counter() - self._began

    def abort(self) -> None:
        """Ends the server, in whatever state it is."""
        self._control.close()
        self.state.process.end()

    def _failure(self, what: str) -> UserError:
        shown = " | ".join(last_lines(self.state.log, SHOWN_LINES)) or "nothing"
        return UserError(
            f"the server of {self.state.model.uri} {what}; its log {self.state.log} ends: {shown}"
        )


def last_lines(log: str, lines: int) -> list[str]:
    """Returns the last lines of a log that are not blank; none if there is no log."""
    path = Path(log)
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]


def _command(model: ModelVersion, path: str, host: str, port: int, control_fd: int) -> list[str]:
    # -P: the folder it is started in is not on the path, so it works from anywhere.
    command = [sys.executable, "-P", "-u", "-m", "throughline.deployment.serve"]
    # The files are given too: opening the registry would cost the server seconds.
    command += ["--model_uri", model.uri, "--model_path", path, "--host", host, "--port", str(port)]
    return [*command, "--control_fd", str(control_fd)]


def _environment() -> dict[str, str]:
    import mlflow

    # The run belongs to the step: the server must not write into it after it has ended.
    dropped = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
    environment = {name: value for name, value in os.environ.items() if name not in dropped}
    path = [str(project_root()), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    environment["MLFLOW_TRACKING_URI"] = mlflow.get_tracking_uri()
    environment["MLFLOW_REGISTRY_URI"] = mlflow.get_registry_uri()
    return environment
