"""What an endpoint does under load: at what it bears, and at four times that.

Deploy a model first, then: ``.venv/bin/python benchmarks/endpoint_load.py``. Clients on this
machine send the endpoint's own example, each over one connection, one request after the other.
Their number is doubled for as long as the 99th percentile of the answers stays under ten times the
median. The endpoint is then loaded for a minute with that many, for a minute with four times as
many, and once more with one. Counted are the answers by status, what they took, and the server's
memory. The clients share the cores with the server. Figures go to
``benchmarks/results/endpoint_load.json``.
"""

import argparse
import http.client
import json
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

RESULTS = Path(__file__).parent / "results/endpoint_load.json"
MOST = 256
HEADERS = {"Content-Type": "application/json"}


def main() -> None:
    """Loads the endpoint, prints the figures and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:5055", help="the endpoint")
    parser.add_argument("--seconds", type=float, default=60, help="of each of the two loads")
    options = parser.parse_args()
    endpoint = Endpoint(options.url)
    borne, steps = borne_by(endpoint)
    found = {
        "clients_borne": borne,
        "steps": steps,
        "before_mb": endpoint.memory_mb(),
        "borne": loaded(endpoint, borne, options.seconds),
        "four_times": loaded(endpoint, 4 * borne, options.seconds),
        "after_with_one": loaded(endpoint, 1, 5),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


@dataclass
class Endpoint:
    """An endpoint of this machine, and a request to it."""

    url: str

    def __post_init__(self) -> None:
        """Asks for the example and for the process."""
        self.address = urlsplit(self.url).netloc
        self.body = json.dumps(self.get("/example")).encode()
        self.process = psutil.Process(int(self.get("/health")["pid"]))

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path."""
        connection = http.client.HTTPConnection(self.address, timeout=60)
        connection.request("GET", path)
        return dict(json.loads(connection.getresponse().read()))

    def memory_mb(self) -> float:
        """The memory of the server's process."""
        return round(self.process.memory_info().rss / 1e6, 1)


@dataclass
class Client(threading.Thread):
    """Sends requests over one connection until it is told to end."""

    endpoint: Endpoint
    ended: threading.Event
    milliseconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """A thread of its own."""
        super().__init__(daemon=True)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        """Sends, and notes what came."""
        connection = http.client.HTTPConnection(self.endpoint.address, timeout=60)
        while not self.ended.is_set():
            begun = time.perf_counter()
            try:
                connection.request("POST", "/invocations", self.endpoint.body, HEADERS)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.statuses[type(error).__name__] += 1
                connection.close()
                continue
            self.statuses[str(answer.status)] += 1
            if answer.status == http.HTTPStatus.OK:
                self.milliseconds.append((time.perf_counter() - begun) * 1000)


def loaded(endpoint: Endpoint, clients: int, seconds: float) -> dict[str, Any]:
    """What so many clients saw in so many seconds."""
    ended = threading.Event()
    started = [Client(endpoint, ended) for _ in range(clients)]
    for client in started:
        client.start()
    time.sleep(seconds)
    ended.set()
    for client in started:
        client.join()
    taken = sorted(one for client in started for one in client.milliseconds)
    statuses = sum((client.statuses for client in started), Counter())
    cuts = statistics.quantiles(taken, n=100) if len(taken) > 1 else [float("nan")] * 99
    return {
        "clients": clients,
        "answers_per_second": round(len(taken) / seconds, 1),
        "p50_ms": round(cuts[49], 2),
        "p99_ms": round(cuts[98], 2),
        "statuses": dict(statuses),
        "memory_mb": endpoint.memory_mb(),
    }


def borne_by(endpoint: Endpoint) -> tuple[int, list[dict[str, Any]]]:
    """The most clients, by doubling, whose 99th percentile is under ten times the median."""
    loaded(endpoint, 1, 2)  # warms it up
    borne, clients, steps = 1, 1, []
    while clients <= MOST:
        steps.append(loaded(endpoint, clients, 5))
        if steps[-1]["p99_ms"] >= 10 * steps[-1]["p50_ms"] or set(steps[-1]["statuses"]) != {"200"}:
            break
        borne, clients = clients, 2 * clients
    return borne, steps


if __name__ == "__main__":
    main()
