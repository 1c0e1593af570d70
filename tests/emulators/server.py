"""The emulators' side of HTTP: the record of all requests, the way to a route."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What a client sent, and how it was answered."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int = 0
    host: str = ""

    @property
    def json(self) -> dict[str, Any]:
        """The body's JSON, or the query: clients of some routes send one, some the other."""
        return json.loads(self.body) if self.body else dict(self.query)


@dataclass(frozen=True)
class Answer:
    """What is sent back."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content: Mapping[str, Any] | list[Any], status: int = 200) -> "Answer":
        return cls(json.dumps(content).encode(), status)


class Refused(Exception):
    """An error, as the service answers it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body.decode())
        self.answer = answer


Route = Callable[[Request, re.Match[str]], Answer]


class Handler(BaseHTTPRequestHandler):
    """Reads requests, and has the emulator answer them."""

    protocol_version = "HTTP/1.1"
    emulator: "Server"
    host = ""

    def _take(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        body, headers = self._body(), dict(self.headers.items())
        request = Request(
            self.command, path, query, headers, body, host=self.host or parts.hostname or ""
        )
        answer = self.emulator.answer(request)
        shown = Request(self.command, path, query, headers, body, answer.status, host=request.host)
        self.emulator.requests.append(shown)
        self.send_response(answer.status)
        given = {"Content-Type": answer.content_type, "Content-Length": str(len(answer.body))}
        for name, value in {**given, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _take  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing: the record does."""


@dataclass(repr=False)
class Server:
    """Serves routes on a free port of this machine.

    Without a ``repr``, as whatever holds one: that of a failed test would write all that ever came.

    Attributes:
        routes: Method, pattern of the whole place, and what answers.
        requests: All that came, in order.
        unknown: Requests that no route took; a test with one has failed.
    """

    handler: ClassVar[type[Handler]] = Handler

    routes: list[tuple[str, str, Route]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serves during the block."""
        handler = type("Handler", (self.handler,), {"emulator": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            yield
            server.shutdown()
            thread.join()

    def answer(self, request: Request) -> Answer:
        """Lets in who may come, finds the route, and lets it answer."""
        try:
            self.admit(request)
            for method, pattern, route in self.routes:
                match = re.fullmatch(pattern, self.place(request))
                if method in (request.method, "*") and match:
                    return route(request, match)
        except Refused as refused:
            return refused.answer
        self.unknown.append(f"{request.method} {self.place(request)}")
        return self.no_route(self.unknown[-1])

    def place(self, request: Request) -> str:
        """What of a request the patterns of the routes are about."""
        return request.path

    def admit(self, request: Request) -> None:
        """Refuses who may not come in."""

    def no_route(self, what: str) -> Answer:
        """What the service answers where it has no route."""
        return Answer(b"", 404)
