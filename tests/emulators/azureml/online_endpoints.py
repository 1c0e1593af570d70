"""Managed online endpoints, at the resource manager, for MLflow's models without a script.

A deployment runs the container that Microsoft brings. An operation is told when it has ended.
Source: "Deploy MLflow models to online endpoints", "Troubleshoot online endpoints" in
https://github.com/MicrosoftDocs/azure-ai-docs.
"""

import json
import re
import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.emulators.azureml.artifacts import Artifacts
from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.containers import Container
from tests.emulators.azureml.mlflow_container import mlflow_container
from tests.emulators.azureml.resources import HOST, REGION
from tests.emulators.azureml.tracking import Tracking
from tests.emulators.server import Answer, Request, Route

SCORING = f"{REGION}.inference.ml.azure.com"
TAKEN = "a-name-of-others"
"""The name of an endpoint of somebody else in the region."""


@dataclass
class Endpoint:
    """An endpoint: what it was asked to be, its deployments, its keys."""

    asked: dict[str, Any]
    traffic: dict[str, int] = field(default_factory=dict)
    deployments: dict[str, dict[str, Any]] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))


@dataclass(repr=False)
class OnlineEndpoints:
    """The endpoints of a workspace.

    Attributes:
        tracking: The registry of the models.
        artifacts: Their files.
        folder: Where the files of containers are.
        machines: How many may still be had.
        skewed: The versions whose answers are turned around.
    """

    tracking: Tracking
    artifacts: Artifacts
    folder: Path
    machines: int = 10
    skewed: set[str] = field(default_factory=set)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        scope = self.tracking.resources.scope
        one = rf"{re.escape(f'{HOST}{scope}/onlineEndpoints/')}([\w-]+)"
        part = rf"{one}/deployments/([\w-]+)"
        operation = rf"{HOST}{re.escape(self._operations)}/([\w-]+)"
        return [
            ("GET", one, self._get),
            ("PUT", one, self._put),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
            ("POST", f"{one}/listKeys", self._list_keys),
            ("GET", f"{one}/deployments", self._list_deployments),
            ("GET", part, self._get_deployment),
            ("PUT", part, self._put_deployment),
            ("DELETE", part, self._delete_deployment),
            ("POST", f"{part}/getLogs", self._logs),
            ("GET", operation, self._operation),
            ("POST", rf"([\w-]+)\.{re.escape(SCORING)}/score", self._score),
        ]

    def stop(self) -> None:
        """Ends all containers."""
        for endpoint in self.endpoints.values():
            for container in endpoint.containers.values():
                container.stop()

    @property
    def _operations(self) -> str:
        subscription = self.tracking.resources.subscription
        provider = "providers/Microsoft.MachineLearningServices"
        return f"/subscriptions/{subscription}/{provider}/locations/{REGION}/mfeOperationsStatus"

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._told(match[1], self._named(match)))

    def _put(self, request: Request, match: re.Match[str]) -> Answer:
        name, asked = match[1], request.json
        if name == TAKEN:
            message = f"Endpoint name {name} is already in use in the region {REGION}."
            raise Refused(409, "EndpointAlreadyExists", message)
        assert asked["properties"]["authMode"] == "Key"
        assert set(asked["properties"]) <= {"authMode", "traffic"}
        self.endpoints[name] = Endpoint(asked)
        return self._begin(self._told(name, self.endpoints[name]), 201, lambda: None)

    def _patch(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._named(match)
        traffic = request.json["properties"]["traffic"]
        if lost := set(traffic) - set(endpoint.deployments):
            raise Refused(400, "BadRequest", f"The traffic names deployments {sorted(lost)}.")
        if sum(traffic.values()) not in (0, 100):
            raise Refused(400, "BadRequest", "The traffic has to add up to 0 or 100 percent.")
        endpoint.traffic = traffic
        return self._begin(self._told(match[1], endpoint), 202, lambda: None)

    def _delete(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._named(match)
        for container in endpoint.containers.values():
            container.stop()
        del self.endpoints[match[1]]
        return self._begin({}, 202, lambda: None)

    def _list_keys(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._named(match)
        return Answer.of({"primaryKey": endpoint.key, "secondaryKey": endpoint.key[::-1]})

    def _list_deployments(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._named(match)
        return Answer.of({"value": list(endpoint.deployments.values())})

    def _get_deployment(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._deployment(match))

    def _put_deployment(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint, name = self._named(match), match[2]
        asked, capacity = request.json, request.json["sku"]["capacity"]
        properties = asked["properties"]
        known = {"endpointComputeType", "instanceType", "model", "appInsightsEnabled"}
        assert set(properties) <= known | {"privateNetworkConnection"}, properties
        assert properties["endpointComputeType"] == "Managed"
        made = {**asked, "name": name, "id": f"{self._path(match[1])}/deployments/{name}"}
        made["properties"] = {**properties, "provisioningState": "Creating"}
        files = self._files(properties["model"])
        if capacity > self.machines:
            raise Refused(
                400,
                "OutOfQuota",
                f"Not enough quota available for {properties['instanceType']} in SubscriptionId "
                f"{self.tracking.resources.subscription}. Current usage/limit: 6/10.",
            )
        endpoint.deployments[name] = made

        def work() -> dict[str, Any] | None:
            container = endpoint.containers[name] = mlflow_container(self.folder, files)
            container.start()
            healthy = container.wait()
            made["properties"]["provisioningState"] = "Succeeded" if healthy else "Failed"
            return None if healthy else _crashed()

        return self._begin(made, 201, work)

    def _delete_deployment(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._named(match)
        self._deployment(match)
        if endpoint.traffic.get(match[2]):
            raise Refused(400, "BadRequest", f"The deployment {match[2]} has traffic.")
        del endpoint.deployments[match[2]]
        endpoint.traffic.pop(match[2], None)
        endpoint.containers.pop(match[2]).stop()
        return self._begin({}, 202, lambda: None)

    def _logs(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self._named(match)
        self._deployment(match)
        assert request.json["containerType"] == "InferenceServer"
        return Answer.of({"content": endpoint.containers[match[2]].log(request.json["tail"])})

    def _operation(self, request: Request, match: re.Match[str]) -> Answer:
        operation = self.operations[match[1]]
        operation["thread"].join()
        error = operation["error"]
        told = {"status": "Failed", "error": error} if error else {"status": "Succeeded"}
        return Answer.of(told)

    def _score(self, request: Request, match: re.Match[str]) -> Answer:
        endpoint = self.endpoints.get(match[1])
        if endpoint is None:
            return Answer(b"", 404, "text/plain")
        if request.headers.get("Authorization") != f"Bearer {endpoint.key}":
            return Answer(b"key_auth_access_denied", 401, "text/plain")
        name = request.headers.get("azureml-model-deployment") or _drawn(endpoint.traffic)
        if name not in endpoint.containers:
            return Answer(b"There is no deployment with traffic.", 404, "text/plain")
        answer = endpoint.containers[name].score(request)
        if answer.status != 200:
            return Answer(
                answer.body,
                424,
                answer.content_type,
                {"ms-azureml-model-error-reason": "model_error"},
            )
        if name.removeprefix("version-") in self.skewed:
            return Answer(json.dumps(json.loads(answer.body)[::-1]).encode())
        return answer

    def _begin(
        self, told: dict[str, Any], status: int, do: Callable[[], dict[str, Any] | None]
    ) -> Answer:
        number = uuid.uuid4().hex
        operation: dict[str, Any] = {"error": None}

        def work() -> None:
            operation["error"] = do()

        operation["thread"] = threading.Thread(target=work, daemon=True)
        operation["thread"].start()
        self.operations[number] = operation
        where = f"https://{HOST}{self._operations}/{number}?api-version=2022-02-01-preview"
        headers = {"Azure-AsyncOperation": where, "x-ms-async-operation-timeout": "PT1H"}
        if status == 202:
            headers["Location"] = where
        return Answer(Answer.of(told).body, status, headers=headers)

    def _told(self, name: str, endpoint: Endpoint) -> dict[str, Any]:
        properties = {
            **endpoint.asked["properties"],
            "traffic": endpoint.traffic,
            "provisioningState": "Succeeded",
            "scoringUri": f"https://{name}.{SCORING}/score",
            "swaggerUri": f"https://{name}.{SCORING}/swagger.json",
        }
        kept = {key: endpoint.asked.get(key) for key in ("tags", "location", "identity")}
        return {**kept, "id": self._path(name), "name": name, "properties": properties}

    def _path(self, name: str) -> str:
        return f"{self.tracking.resources.scope}/onlineEndpoints/{name}"

    def _files(self, model: str) -> dict[str, bytes]:
        """The files of a registered version, by its path."""
        name, version = re.fullmatch(r".*/models/([^/]+)/versions/([^/]+)", model).groups()
        asked = {"name": name, "version": version}
        url = f"{self.tracking.url}/api/2.0/mlflow/model-versions/get"
        answer = requests.get(url, asked, timeout=60)
        if not answer.ok:
            raise Refused(404, "ModelNotFound", f"Model {name} with version {version} not found.")
        source = answer.json()["model_version"]["source"]
        run_id, path = re.fullmatch(r".*/(\w+)/artifacts/(.+)", source).groups()
        found = self.artifacts.of(run_id)
        return {n.removeprefix(f"{path}/"): c for n, c in found.items() if n.startswith(f"{path}/")}

    def _named(self, match: re.Match[str]) -> Endpoint:
        if match[1] not in self.endpoints:
            raise Refused(404, "ResourceNotFound", f"Online Endpoint {match[1]} was not found.")
        return self.endpoints[match[1]]

    def _deployment(self, match: re.Match[str]) -> dict[str, Any]:
        endpoint = self._named(match)
        if match[2] not in endpoint.deployments:
            raise Refused(404, "ResourceNotFound", f"Online Deployment {match[2]} was not found.")
        return endpoint.deployments[match[2]]


def _drawn(traffic: dict[str, int]) -> str:
    """The deployment that answers a request, by the shares of the traffic."""
    draw = secrets.randbelow(100)
    for name, share in traffic.items():
        draw -= share
        if draw < 0:
            return name
    return ""


def _crashed() -> dict[str, str]:
    message = (
        "User container has crashed or terminated: Liveness probe failed. Please see "
        "troubleshooting guide, available here: https://aka.ms/oe-tsg#error-resourcenotready"
    )
    return {"code": "ResourceNotReady", "message": message}
