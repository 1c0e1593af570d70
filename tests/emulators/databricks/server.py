"""The emulator's side of HTTP: the token, the record of all requests, the way to a route."""

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

OPEN = ("/.well-known/", "/signed/")
"""Where no token is asked for."""


@dataclass(frozen=True)
class Request:
    """What a client sent, and how it was answered."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    status: int = 0

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

    @classmethod
    def of(cls, content: Mapping[str, Any], status: int = 200) -> "Answer":
        return cls(json.dumps(content).encode(), status)


class Refused(Exception):
    """An error as the service words it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = Answer.of({"error_code": code, "message": message}, status)


Route = Callable[[Request, re.Match[str]], Answer]


@dataclass
class Server:
    """Serves routes on a free port of this machine, for bearers of a token.

    Attributes:
        tokens: Those that are valid.
        routes: Method, pattern of the whole path, and what answers.
        requests: All that came, in order.
        unknown: Requests that no route took; a test with one has failed.
    """

    tokens: set[str]
    routes: list[tuple[str, str, Route]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serves during the block."""
        handler = type("Handler", (_Handler,), {"emulator": self})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            yield
            server.shutdown()
            thread.join()

    def answer(self, request: Request) -> Answer:
        """Checks the token, finds the route, and lets it answer."""
        try:
            self._admit(request)
            for method, pattern, route in self.routes:
                match = re.fullmatch(pattern, request.path)
                if method in (request.method, "*") and match:
                    return route(request, match)
        except Refused as refused:
            return refused.answer
        self.unknown.append(f"{request.method} {request.path}")
        return Refused(404, "ENDPOINT_NOT_FOUND", f"No API found for {self.unknown[-1]}").answer

    def _admit(self, request: Request) -> None:
        if request.path.startswith(OPEN):
            return
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise Refused(401, "UNAUTHENTICATED", "Credential was not sent.")
        if token not in self.tokens:
            raise Refused(403, "PERMISSION_DENIED", "Invalid access token.")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    emulator: Server

    def _take(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True))
        body = self._body()
        request = Request(self.command, path, query, dict(self.headers.items()), body)
        answer = self.emulator.answer(request)
        shown = Request(self.command, path, query, request.headers, body, answer.status)
        self.emulator.requests.append(shown)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
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

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _take  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Says nothing: the record does."""
