"""Requests for stage transitions, as the workspace registry keeps them beside the versions.

Source: https://docs.databricks.com/api/workspace/modelregistry
"""

import re
import time
from typing import Any

import requests

from tests.emulators.databricks.server import Answer, Refused, Request, Route

PREFIX = r"/api/2\.0/mlflow/transition-requests"
STAGES = ("None", "Staging", "Production", "Archived")
FIELDS = {
    "create": {"name", "version", "stage", "comment"},
    "approve": {"name", "version", "stage", "comment", "archive_existing_versions"},
    "reject": {"name", "version", "stage", "comment"},
}


class TransitionRequests:
    """Open requests; an approved one moves the version at the tracking server.

    Attributes:
        may_approve: Whether who asks may decide, besides writing versions and their tags.
    """

    def __init__(self, tracking: str) -> None:
        self.tracking = tracking
        self.may_approve = True
        self.open: dict[tuple[str, str, str], dict[str, Any]] = {}

    def routes(self) -> list[tuple[str, str, Route]]:
        return [
            ("POST", f"{PREFIX}/create", self._create),
            ("POST", f"{PREFIX}/approve", self._approve),
            ("POST", f"{PREFIX}/reject", self._reject),
            ("GET", f"{PREFIX}/list", self._list),
        ]

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        key = self._key(request, "create")
        if key in self.open:
            message = f"There is already an open request to transition to {key[2]}."
            raise Refused(400, "RESOURCE_ALREADY_EXISTS", message)
        now = int(time.time() * 1000)
        made = {"to_stage": key[2], "user_id": "ada@example.com", "creation_timestamp": now}
        self.open[key] = made
        return Answer.of({"request": made})

    def _approve(self, request: Request, match: re.Match[str]) -> Answer:
        if not self.may_approve:
            message = "User does not have permission 'Can Manage Production Versions'."
            raise Refused(403, "PERMISSION_DENIED", message)
        key = self._take(request, "approve")
        archive = request.json["archive_existing_versions"]
        moved = requests.post(
            f"{self.tracking}/api/2.0/mlflow/model-versions/transition-stage",
            json=dict(zip(("name", "version", "stage"), key, strict=True))
            | {"archive_existing_versions": archive},
            timeout=30,
        )
        if not moved.ok:
            raise Refused(moved.status_code, "INVALID_PARAMETER_VALUE", moved.text)
        return self._activity("APPROVED_REQUEST", key)

    def _reject(self, request: Request, match: re.Match[str]) -> Answer:
        return self._activity("REJECTED_REQUEST", self._take(request, "reject"))

    def _list(self, request: Request, match: re.Match[str]) -> Answer:
        of = (request.query["name"], request.query["version"])
        return Answer.of({"requests": [made for key, made in self.open.items() if key[:2] == of]})

    def _take(self, request: Request, what: str) -> tuple[str, str, str]:
        key = self._key(request, what)
        if self.open.pop(key, None) is None:
            message = f"No open request to transition to {key[2]}."
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", message)
        return key

    def _key(self, request: Request, what: str) -> tuple[str, str, str]:
        body = request.json
        if unknown := set(body) - FIELDS[what]:
            raise Refused(400, "MALFORMED_REQUEST", f"Unknown fields {sorted(unknown)}")
        if body["stage"] not in STAGES:
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Invalid stage {body['stage']}")
        return body["name"], body["version"], body["stage"]

    def _activity(self, kind: str, key: tuple[str, str, str]) -> Answer:
        return Answer.of({"activity": {"activity_type": kind, "to_stage": key[2]}})
