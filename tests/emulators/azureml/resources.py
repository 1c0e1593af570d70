"""The resource manager, which knows the subscription and the workspace; the services' addresses."""

import re
from dataclasses import dataclass

from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.directory import Directory
from tests.emulators.server import Answer, Request, Route

HOST = "management.azure.com"
REGION = "westeurope"
SERVICES = f"{REGION}.api.azureml.ms"
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True)
class Resources:
    """One subscription with one group with one workspace.

    Attributes:
        directory: Who lets in.
        subscription: The subscription's id.
        group: The group's name.
        workspace: The workspace's name.
        number: The workspace's id, other in each emulator: clients keep addresses by it.
        strangers: Who has no role in the workspace.
    """

    directory: Directory
    subscription: str
    group: str
    workspace: str
    number: str
    strangers: tuple[str, ...] = ()

    @property
    def scope(self) -> str:
        """The workspace's path."""
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
        return f"{group}/providers/{_WORKSPACES}/{self.workspace}"

    def routes(self) -> list[tuple[str, str, Route]]:
        group = r"/subscriptions/([^/]+)/resourceGroups/([^/]+)"
        return [
            ("GET", rf"{HOST}/subscriptions", self._subscriptions),
            ("GET", rf"{HOST}{group}/providers/{re.escape(_WORKSPACES)}/([^/]+)", self._get),
            ("GET", rf"{re.escape(SERVICES)}/discovery", self._discover),
        ]

    def admit(self, request: Request) -> None:
        """Refuses who has no valid token; where the services are is told to everybody."""
        if request.host in (HOST, SERVICES) and request.path != "/discovery":
            self.directory.admit(request)

    def _subscriptions(self, request: Request, match: re.Match[str]) -> Answer:
        one = {
            "id": f"/subscriptions/{self.subscription}",
            "subscriptionId": self.subscription,
            "tenantId": self.directory.tenant,
            "displayName": "Tests",
            "state": "Enabled",
        }
        return Answer.of({"value": [one]})

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        who = self.directory.admit(request)
        subscription, group, name = match.groups()
        if subscription != self.subscription:
            raise Refused(
                404,
                "SubscriptionNotFound",
                f"The subscription '{subscription}' could not be found.",
            )
        if group.lower() != self.group.lower():
            message = f"Resource group '{group}' could not be found."
            raise Refused(404, "ResourceGroupNotFound", message)
        if name.lower() != self.workspace.lower():
            raise Refused(
                404,
                "ResourceNotFound",
                f"The Resource '{_WORKSPACES}/{name}' under resource group '{group}' was not "
                "found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            )
        if who in self.strangers:
            raise Refused(
                403,
                "AuthorizationFailed",
                f"The client '{who}' with object id '{who}' does not have authorization to perform "
                f"action '{_WORKSPACES}/read' over scope '{self.scope}' or the scope is invalid. "
                "If access was recently granted, please refresh your credentials.",
            )
        properties = {
            "friendlyName": self.workspace,
            "workspaceId": self.number,
            "provisioningState": "Succeeded",
            "discoveryUrl": f"https://{SERVICES}/discovery",
            "mlFlowTrackingUri": f"azureml://{SERVICES}/mlflow/v1.0{self.scope}",
        }
        return Answer.of(
            {
                "id": self.scope,
                "name": self.workspace,
                "type": _WORKSPACES,
                "location": REGION,
                "properties": properties,
            }
        )

    def _discover(self, request: Request, match: re.Match[str]) -> Answer:
        names = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")
        return Answer.of({name: f"https://{SERVICES}" for name in names})
