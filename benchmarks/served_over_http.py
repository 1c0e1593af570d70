"""Servers of models as processes, and clients that measure them."""

import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
REQUESTS = 200
CLIENTS = 4
LONGEST_START = 180.0


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        port: Its port on this machine.
        body: The request that it is measured with.
        process: The process that was started, with all below it.
        startup_seconds: From its start to its first answer to the request.
    """

    port: int
    body: bytes
    process: psutil.Process
    startup_seconds: float

    def latencies(self, requests: int = REQUESTS) -> list[float]:
        """Milliseconds of requests one after the other, over one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        spent = [_ask(connection, self.body) for _ in range(requests)]
        connection.close()
        return spent

    def latencies_of_clients(self) -> list[float]:
        """The same of several clients at a time."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            each = pool.map(lambda _: self.latencies(REQUESTS // 2), range(CLIENTS))
            return [one for spent in each for one in spent]

    def memory_mib(self) -> float:
        """The resident memory of the server's processes."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(process.memory_info().rss for process in family) / MIB


def against_scikit_learn(models: Any, rounds: int) -> dict[str, dict[str, float]]:
    """The served XGBoost here, and a scikit-learn linear model behind plain MLflow."""
    commands = {
        "throughline_xgboost": (_ours(models.path("xgboost")), models.body(1)),
        "mlflow_scikit_learn_linear": (_plain(models.path("scikit_learn")), models.numbers_body()),
    }
    return _compared(commands, rounds, REQUESTS)


def against_spark(models: Any, rounds: int) -> dict[str, Any]:
    """The same boosted trees of Spark served here, and as MLflow's Spark flavor serves them."""
    from throughline.spark import java_home

    os.environ["JAVA_HOME"] = java_home()
    commands = {
        "throughline": (_ours(models.path("spark_gbt")), models.body(1)),
        "spark_flavor": (_plain(models.path("spark_flavor")), models.prepared_body()),
    }
    found: dict[str, Any] = dict(_compared(commands, rounds, 20))
    ours, theirs = found["throughline"], found["spark_flavor"]
    names = ("p50_ms", "startup_seconds", "memory_mib")
    found["spark_flavor_over_throughline"] = {n: round(theirs[n] / ours[n], 1) for n in names}
    return found


def _compared(
    commands: Mapping[str, tuple[list[str], bytes]], rounds: int, requests: int
) -> dict[str, dict[str, float]]:
    alone: dict[str, list[list[float]]] = {name: [] for name in commands}
    together: dict[str, list[float]] = {name: [] for name in commands}
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(_running(command, body))
            for name, (command, body) in commands.items()
        }
        for server in servers.values():
            server.latencies(requests)
        for _ in range(rounds):
            for name, server in servers.items():
                alone[name].append(server.latencies(requests))
                if requests == REQUESTS:
                    together[name] += server.latencies_of_clients()
        return {
            name: {
                "startup_seconds": round(server.startup_seconds, 1),
                "memory_mib": round(server.memory_mib()),
                "p50_ms": round(statistics.median(map(statistics.median, alone[name])), 2),
                "p99_ms": _p99([one for spent in alone[name] for one in spent]),
                **_of_clients(together[name]),
            }
            for name, server in servers.items()
        }


def _of_clients(spent: list[float]) -> dict[str, float]:
    if not spent:
        return {}
    p50 = round(statistics.median(spent), 2)
    return {f"p50_ms_{CLIENTS}_clients": p50, f"p99_ms_{CLIENTS}_clients": _p99(spent)}


def _p99(spent: list[float]) -> float:
    return round(statistics.quantiles(spent, n=100)[98], 2)


@contextmanager
def _running(command: list[str], body: bytes) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    process = psutil.Popen(
        [*command, "--port", str(port)],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _answers(port, body):
            if process.poll() is not None or time.monotonic() - started > LONGEST_START:
                sys.exit(f"{' '.join(command)} did not serve")
            time.sleep(0.05)
        yield Server(port, body, process, time.monotonic() - started)
    finally:
        family = [*process.children(recursive=True), process]
        for one in family:
            one.terminate()
        psutil.wait_procs(family, 20)


def _answers(port: int, body: bytes) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        _ask(connection, body)
    except (OSError, http.client.HTTPException):
        return False
    connection.close()
    return True


def _ask(connection: http.client.HTTPConnection, body: bytes) -> float:
    started = time.perf_counter()
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"a server answered {answer.status}: {text[:500]!r}")
    return (time.perf_counter() - started) * 1000


def _ours(model: Path) -> list[str]:
    serve = [sys.executable, "-m", "throughline.deployment.serve"]
    return [*serve, "--model_uri", str(model), "--model_path", str(model)]


def _plain(model: Path) -> list[str]:
    serve = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    return [*serve, "-m", str(model)]
