"""A tracking server that is slow, answers errors for a while, or is gone, in mid-run."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from tests.faults.chain import NAME, Chain, Moment, Reference, wait_for
from tests.faults.conftest import copy_store
from tests.faults.server import TrackingServer

GONE_SECONDS = 60
BROKEN = (500, 503)
"""What a broken server answers, in turn."""


@dataclass
class Trouble:
    """A way to a server on which things go wrong.

    Attributes:
        target: The server behind.
        delay: Seconds before each request goes on.
        broken: Whether requests are answered with an error instead.
    """

    target: str
    delay: float = 0.0
    broken: bool = False
    refused: list[str] = field(default_factory=list)
    slowed: int = 0
    passed: int = 0
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        handler = type("Handler", (_Handler,), {"trouble": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            yield
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    trouble: Trouble

    def _take(self) -> None:
        body = b"".join(self._read())
        if self.trouble.broken:
            self.trouble.refused.append(f"{self.command} {self.path}")
            status = BROKEN[len(self.trouble.refused) % len(BROKEN)]
            return self._answer(status, b"not now", "text/plain")
        if self.trouble.delay:
            self.trouble.slowed += 1
            time.sleep(self.trouble.delay)
        ours = ("host", "connection", "transfer-encoding")
        headers = {n: v for n, v in self.headers.items() if n.lower() not in ours}
        try:
            answer = requests.request(
                self.command,
                f"{self.trouble.target}{self.path}",
                data=body,
                headers={**headers, "Accept-Encoding": "identity"},
                timeout=60,
            )
        except requests.ConnectionError:  # it is gone: the client gets no answer
            self.close_connection = True
            return None
        self.trouble.passed += 1
        kind = answer.headers.get("Content-Type", "application/json")
        return self._answer(answer.status_code, answer.content, kind)

    def _read(self) -> Iterator[bytes]:
        """The body; an empty file comes in chunks, since requests sees no length in it."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _take  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def slow(trouble: Trouble, server: TrackingServer) -> None:
    before, trouble.delay = trouble.slowed, 0.5
    wait_for(lambda: trouble.slowed >= before + 5, "requests that are slow", 300)
    trouble.delay = 0.0


def broken(trouble: Trouble, server: TrackingServer) -> None:
    before = len(trouble.refused)
    trouble.broken = True
    wait_for(lambda: len(trouble.refused) >= before + 3, "requests that are refused", 300)
    trouble.broken = False


def killed(trouble: Trouble, server: TrackingServer) -> None:
    server.kill()
    server.start()


def gone(trouble: Trouble, server: TrackingServer) -> None:
    server.kill()
    time.sleep(GONE_SECONDS)
    server.start()


KINDS = {
    slow: ("prep", "train"),
    broken: ("prep", "train", "register"),
    killed: ("prep", "train", "register"),
}
"""What goes wrong, and in which steps; the chain goes on while the server is slow."""
IN_ONE_CHAIN = 3


@pytest.mark.slow
def test_a_server_that_is_slow_or_broken_or_gone_for_a_while(
    reference: Reference,
    make_chain: Callable[..., Chain],
    empty_store: Path,
    tmp_path: Path,
    strikes: Callable[[int], None],
    moments: int,
    draw: Callable[..., Moment],
) -> None:
    """A chain goes through some of each; the server is gone for a minute once.

    What a chain was too fast for happens to another.
    """
    strikes(moments * len(KINDS))
    for begun in range(0, moments, IN_ONE_CHAIN):
        times = min(IN_ONE_CHAIN, moments - begun)
        drawn = [(draw(*steps), kind) for kind, steps in KINDS.items() for _ in range(times)]
        drawn[-1] = (drawn[-1][0], gone)
        left = sorted(drawn, key=lambda one: one[0])
        while left:
            folder = tmp_path / f"{begun}-{len(left)}"
            folder.mkdir()
            copy_store(empty_store, folder / "server.db", "mlflow-artifacts:/0")
            server = TrackingServer(folder, f"sqlite:///{folder}/server.db")
            with server.serving():
                left = left[goes_through(left, server, make_chain, reference) :]


def goes_through(
    drawn: list[tuple[Moment, Callable[[Trouble, TrackingServer], None]]],
    server: TrackingServer,
    make_chain: Callable[..., Chain],
    reference: Reference,
) -> int:
    """Runs a chain through what was drawn; how much of it happened before the chain had ended."""
    trouble, happened = Trouble(server.url), 0
    with trouble.serving():
        chain = make_chain(trouble.url)
        launcher = chain.start()
        for when, happen in drawn:
            if not chain.reaches(launcher, when, reference):
                break
            print(f"{happen.__name__} at {when.share:.0%} of {when.step}")
            happen(trouble, server)
            happened, before = happened + 1, trouble.passed
            while trouble.passed <= before + 2 and launcher.poll() is None:
                time.sleep(0.05)  # a request has seven tries: it is to meet one trouble only
        assert launcher.wait(900) == 0, chain.log.read_text()[-4000:]
        assert happened
        chain.check_it_is_whole(reference)
        assert chain.metrics() == reference.metrics
        assert chain.client.get_registered_model(NAME)
    return happened
