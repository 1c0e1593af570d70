"""How much the endpoint takes on: the size of a request, and how many at a time."""

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from throughline.deployment.plain_errors import error_response
from throughline.settings import number_in

BODY_MB = "THROUGHLINE_MAX_BODY_MB"
BODY_SECONDS = "THROUGHLINE_MAX_BODY_SECONDS"
IN_FLIGHT = "THROUGHLINE_MAX_IN_FLIGHT"
SCORING_SECONDS = 60.0
"""How long the answer to a request that has arrived may take; MLflow's own limit by default."""


@dataclass(frozen=True)
class Limits:
    """The limits of an endpoint.

    Attributes:
        body_bytes: The largest body of a request.
        body_seconds: How long a client may take to send it.
        in_flight: The requests being read or scored at one time.
    """

    body_bytes: int = 64 * 2**20
    body_seconds: float = 30.0
    in_flight: int = 32

    @property
    def request_seconds(self) -> float:
        """The longest time from the first byte of a request to its answer."""
        return self.body_seconds + SCORING_SECONDS

    @classmethod
    def from_environment(cls) -> "Limits":
        """Reads the settings of the environment.

        Raises:
            UserError: A value is not a number above zero.
        """
        return cls(
            int(number_in(BODY_MB, cls.body_bytes / 2**20) * 2**20),
            number_in(BODY_SECONDS, cls.body_seconds),
            max(1, int(number_in(IN_FLIGHT, cls.in_flight))),
        )


class LimitRequests:
    """ASGI middleware: reads the body of a POST itself, within the limits, then passes it on."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            return await self.app(scope, receive, send)
        if self.in_flight >= self.limits.in_flight:
            await self._read(receive, 0)
            busy = error_response(503, "The server is busy; try again.", retry_after="1")
            return await busy(scope, receive, send)
        self.in_flight += 1
        try:
            await self._pass(scope, receive, send)
        finally:
            self.in_flight -= 1

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._read(receive, self.limits.body_bytes)
        if isinstance(body, bytearray):
            return await self.app(scope, replay(bytes(body), receive), send)
        refusals = {
            400: "The client ended the connection before the body was whole.",
            413: f"The body is larger than {self.limits.body_bytes / 2**20:g} MB; send fewer rows.",
            408: f"The body did not arrive within {self.limits.body_seconds:g} seconds.",
        }
        refusal = error_response(body, refusals[body], connection="close")
        await refusal(scope, receive, send)

    async def _read(self, receive: Receive, most: int) -> bytearray | int:
        """Reads a body of at most ``most`` bytes; returns it, or the status that refuses it.

        The rest of a body that is too large is read and dropped: a connection closed on a client
        that still sends would be reset, and the client would never see the answer.
        """
        body = bytearray()
        size = 0
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return 400
                    size += len(message["body"])
                    if size <= most:
                        body += message["body"]
                    else:
                        body.clear()
                    more = message.get("more_body", False)
        except TimeoutError:
            return 413 if size > most else 408
        return 413 if size > most else body


def replay(body: bytes, receive: Receive) -> Receive:
    """What an application receives of a request whose body has been read already."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again
