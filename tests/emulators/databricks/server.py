"""What the routes of a Databricks workspace have in common: the token, and how errors are told."""

from dataclasses import dataclass, field

from tests.emulators import server
from tests.emulators.server import Answer, Request, Route

__all__ = ["Answer", "Refused", "Request", "Route", "Server"]

OPEN = ("/.well-known/", "/signed/")
"""Where no token is asked for."""


class Refused(server.Refused):
    """An error as the service words it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(Answer.of({"error_code": code, "message": message}, status))


@dataclass(repr=False)
class Server(server.Server):
    """Serves bearers of a token.

    Attributes:
        tokens: Those that are valid.
    """

    tokens: set[str] = field(default_factory=set)

    def admit(self, request: Request) -> None:
        """Asks for a token."""
        if request.path.startswith(OPEN):
            return
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise Refused(401, "UNAUTHENTICATED", "Credential was not sent.")
        if token not in self.tokens:
            raise Refused(403, "PERMISSION_DENIED", "Invalid access token.")

    def no_route(self, what: str) -> Answer:
        """Says that there is no such API."""
        return Refused(404, "ENDPOINT_NOT_FOUND", f"No API found for {what}").answer
