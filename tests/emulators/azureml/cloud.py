"""All hosts of the cloud behind one proxy: CONNECT leads to this server, whatever the name.

The real clients keep the real addresses; the environment names the proxy and the authority.
"""

import socketserver
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.emulators import server
from tests.emulators.server import Answer, Request

TELEMETRY = (
    ".mlflow-telemetry.io",
    ".events.data.microsoft.com",
    "dc.services.visualstudio.com",
)
"""Where MLflow and Azure's clients tell their makers how they are used: no way leads there."""


class Refused(server.Refused):
    """An error as the resource manager and the services of a workspace word it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(Answer.of({"error": {"code": code, "message": message}}, status))


class _Handler(server.Handler):
    emulator: "Cloud"

    def do_CONNECT(self) -> None:  # noqa: N802
        """Goes on with TLS on the same connection, as the host that was asked for."""
        self.host = self.path.partition(":")[0]
        if self.host in self.emulator.unreachable or self.host.endswith(TELEMETRY):
            self.send_error(502)
            return
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            self.connection = self.emulator.tls.wrap_socket(self.connection, server_side=True)
        except OSError as error:  # a client that does not trust us, or asks another cloud
            self.emulator.unknown.append(f"CONNECT {self.host} ({error})")
            return
        self.rfile = self.connection.makefile("rb", -1)
        self.wfile = socketserver._SocketWriter(self.connection)  # type: ignore[attr-defined]
        self.close_connection = False

    def handle_one_request(self) -> None:
        """Takes the end of a client for the end of its connection."""
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True


@dataclass(repr=False)
class Cloud(server.Server):
    """The routes of all hosts; a pattern is about the host and the path.

    Attributes:
        tls: What it shows to clients.
        unreachable: Hosts to which no way leads.
        guard: Refuses a request that may not come in.
    """

    handler: ClassVar[type[server.Handler]] = _Handler

    tls: Any = None
    unreachable: tuple[str, ...] = ()
    guard: Callable[[Request], None] = lambda request: None

    def admit(self, request: Request) -> None:
        """Asks the guard."""
        self.guard(request)

    def place(self, request: Request) -> str:
        """The host and the path."""
        return f"{request.host}{request.path}"
