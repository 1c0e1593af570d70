"""The token without which an endpoint answers nobody; only the environment carries it."""

import hashlib
import os
import secrets

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from throughline.deployment.plain_errors import error_response
from throughline.errors import UserError

TOKEN = "THROUGHLINE_ENDPOINT_TOKEN"  # noqa: S105 (the name of a variable)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEADER = f"Authorization: Bearer ${TOKEN}"
"""What a request needs besides its content, as a shell writes it."""

_OPEN = ("/health", "/ping")
"""What is answered without a token: whether the server is alive."""
_SHORTEST = 16


def endpoint_token() -> str:
    """The token of this machine's endpoints; empty if they need none."""
    return os.environ.get(TOKEN, "")


def fingerprint() -> str:
    """Tells one token from another without giving it away; empty if there is none."""
    token = endpoint_token()
    return hashlib.sha256(token.encode()).hexdigest()[:12] if token else ""


def check_host(host: str) -> None:
    """Checks that an endpoint which others can reach has a token.

    Raises:
        UserError: It has none, or one that can be guessed.
    """
    if host in LOOPBACK:
        return
    if len(endpoint_token()) < _SHORTEST:
        raise UserError(
            f"Whoever reaches {host} could use the endpoint: set {TOKEN} to a secret of at least "
            f"{_SHORTEST} characters, which each request then carries, or give the host 127.0.0.1."
        )


class RequireToken:
    """ASGI middleware: answers 401 to requests without the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            given = Headers(scope=scope).get("authorization", "").encode()
            if not secrets.compare_digest(given, self.expected):
                refusal = error_response(
                    401,
                    "This endpoint needs a token.",
                    www_authenticate="Bearer",
                    connection="close",
                )
                return await refusal(scope, receive, send)
        return await self.app(scope, receive, send)
