"""Who answers and who asks: what a client of Databricks looks up before all else."""

import re

from tests.emulators.databricks.server import Answer, Request, Route

TOKEN = "dapi-of-the-tests"  # noqa: S105 (of no real service)


def identity_routes() -> list[tuple[str, str, Route]]:
    return [
        ("GET", r"/\.well-known/databricks-config", _discovery),
        ("GET", r"/api/2\.0/preview/scim/v2/Me", _me),
    ]


def _discovery(request: Request, match: re.Match[str]) -> Answer:
    return Answer.of({"oidc_endpoint": "https://oidc.invalid/oidc", "workspace_id": "7007"})


def _me(request: Request, match: re.Match[str]) -> Answer:
    return Answer.of({"id": "1", "userName": "someone@example.com"})
