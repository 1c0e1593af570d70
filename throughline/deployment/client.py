"""A small HTTP client of an endpoint."""

import time
from collections.abc import Callable
from typing import Any

import requests

from throughline.deployment.token import endpoint_token
from throughline.errors import UserError


class EndpointClient:
    """Speaks to one endpoint over one connection.

    Proxies of the environment are ignored: the endpoint is on this machine. Its token is the
    environment's.

    Args:
        url: The endpoint's address, without a slash at the end.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, url: str, timeout: float = 60.0) -> None:
        self.url = url
        self.timeout = timeout
        self.session = requests.Session()
        self.session.trust_env = False
        if token := endpoint_token():
            self.session.headers["Authorization"] = f"Bearer {token}"

    def pid(self) -> int | None:
        """Returns the process that answers the health check; None if nothing of ours does."""
        try:
            answer = self.session.get(f"{self.url}/health", timeout=5)
            return int(answer.json()["pid"]) if answer.ok else None
        except (requests.RequestException, ValueError, KeyError, TypeError):
            return None

    def predict(self, request: dict[str, Any]) -> Any:
        """Scores a request in one of MLflow's JSON forms.

        Raises:
            UserError: The endpoint cannot be reached or refuses the request.
        """
        try:
            answer = self.session.post(
                f"{self.url}/invocations", json=request, timeout=self.timeout
            )
            body = answer.json()
        except requests.RequestException as error:
            raise UserError(f"the endpoint {self.url} gave no answer: {error}") from error
        if not answer.ok:
            raise UserError(
                f"the endpoint {self.url} answered {answer.status_code}: {body.get('message')}"
            )
        return body["predictions"]


def latencies(ask: Callable[[], Any], times: int = 50) -> list[float]:
    """Asks the same again and again; returns the milliseconds of each answer."""
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        ask()
        spent.append((time.perf_counter() - start) * 1000)
    return spent
