"""The computes of a workspace: what is attached to it or made in it, and how that goes.

Names are as the REST API has them.
Source: "Compute - Create Or Update" of Azure Machine Learning's REST reference.
"""

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.azureml import resources
from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.resources import REGION, SERVICES, Resources
from tests.emulators.server import Answer, Request, Route

NAME = r"[A-Za-z](?![A-Za-z0-9-]*-\d+$)[A-Za-z0-9-]{1,15}"
_VERSION = "2020-02-02"


@dataclass(repr=False)
class Computes:
    """The computes, and what happens to the next one.

    Attributes:
        resources: The workspace.
        attached: What is there by name, as the service tells it.
        refuses: An error's code and message, of a service that attaches none.
        fails: Why attaching fails once it has begun; empty if it does not.
        secrets: The tokens that computes were attached with.
    """

    resources: Resources
    attached: dict[str, dict[str, Any]] = field(default_factory=dict)
    refuses: tuple[str, str] | None = None
    fails: str = ""
    secrets: dict[str, str] = field(default_factory=dict)
    _operations: dict[str, str] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        scope = re.escape(self.resources.scope)
        managed = rf"{re.escape(resources.HOST)}{scope}/computes/([^/]+)"
        operation = rf"{re.escape(resources.HOST)}{self._operation('([^/]+)')}"
        return [
            ("GET", rf"{re.escape(SERVICES)}/rp/workspaces{scope}/computes/([^/]+)", self._get),
            ("PUT", managed, self._attach),
            ("DELETE", managed, self._detach),
            ("GET", operation, self._look),
        ]

    def put(self, name: str, kind: str, **properties: Any) -> None:
        """Puts a compute there."""
        self.attached[name] = {
            "id": f"{self.resources.scope}/computes/{name}",
            "name": name,
            "location": REGION,
            "tags": None,
            "type": "Microsoft.MachineLearningServices/workspaces/computes",
            "properties": {
                "computeType": kind,
                "computeLocation": REGION,
                "description": None,
                "provisioningState": "Succeeded",
                "provisioningErrors": None,
                "resourceId": None,
                "isAttachedCompute": True,
                **properties,
            },
        }

    def _operation(self, number: str) -> str:
        place = f"/subscriptions/{self.resources.subscription}/providers"
        place += f"/Microsoft.MachineLearningServices/locations/{REGION}"
        return f"{place}/computeOperationsStatus/{number}"

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._there(match[1]))

    def _attach(self, request: Request, match: re.Match[str]) -> Answer:
        name, asked = match[1], request.json["properties"]
        assert request.query == {"api-version": _VERSION}
        if not re.fullmatch(NAME, name):
            raise Refused(400, "BadRequest", f"Compute name {name} is not valid.")
        if self.refuses:
            raise Refused(400, *self.refuses)
        if asked["computeType"] == "AmlCompute":
            return self._create(name, asked)
        if set(asked) != {"computeType", "resourceId", "properties"}:
            raise Refused(400, "BadRequest", f"Unexpected properties {sorted(asked)}.")
        if not (token := asked["properties"]["databricksAccessToken"]):
            raise Refused(400, "BadRequest", "The access token is missing.")
        errors = [{"error": {"code": "BadArgument", "message": self.fails}}] if self.fails else None
        state = "Failed" if self.fails else "Succeeded"
        self.put(
            name,
            asked["computeType"],
            resourceId=asked["resourceId"],
            provisioningState=state,
            provisioningErrors=errors,
        )
        self.secrets[name] = token
        return self._begun(state, 201)

    def _create(self, name: str, asked: dict[str, Any]) -> Answer:
        """Makes a cluster of machines, of which there is none until they are needed."""
        if set(asked) != {"computeType", "properties"}:
            raise Refused(400, "BadRequest", f"Unexpected properties {sorted(asked)}.")
        errors = [{"error": {"code": "BadArgument", "message": self.fails}}] if self.fails else None
        state = "Failed" if self.fails else "Succeeded"
        machines = {"subnet": None, "currentNodeCount": 0, **asked["properties"]}
        self.put(
            name,
            asked["computeType"],
            isAttachedCompute=False,
            properties=machines,
            provisioningState=state,
            provisioningErrors=errors,
        )
        return self._begun(state, 201)

    def _detach(self, request: Request, match: re.Match[str]) -> Answer:
        self._there(match[1])
        machines = self.attached[match[1]]["properties"]["computeType"] == "AmlCompute"
        action = "delete" if machines else "detach"
        assert request.query["underlyingResourceAction"].lower() == action
        del self.attached[match[1]]
        return self._begun("Succeeded", 202)

    def _begun(self, state: str, status: int) -> Answer:
        self._operations[number := uuid.uuid4().hex] = state
        place = f"https://{resources.HOST}{self._operation(number)}?api-version={_VERSION}"
        return Answer(b"{}", status, headers={"Azure-AsyncOperation": place})

    def _look(self, request: Request, match: re.Match[str]) -> Answer:
        state = self._operations[match[1]]
        error = {"code": "BadArgument", "message": self.fails} if state == "Failed" else None
        return Answer.of({"status": state, "error": error})

    def _there(self, name: str) -> dict[str, Any]:
        if name not in self.attached:
            message = f"Compute {name} not found in the workspace."
            raise Refused(404, "ComputeNotFound", message)
        return self.attached[name]
