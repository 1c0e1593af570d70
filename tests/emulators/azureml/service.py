"""A web service, or a version of one: what it was asked to be, and what the workspace tells."""

import copy
import datetime as dt
import random
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.emulators.azureml.containers import Container

CLUSTER = "20.31.0.7"
"""The address of the Kubernetes cluster."""
INSTANCES = "westeurope.azurecontainer.io"


@dataclass
class Service:
    """A service, or a version of one, and the container that answers."""

    asked: dict[str, Any]
    state: str = "Transitioning"
    error: dict[str, Any] | None = None
    container: Container | None = None
    versions: dict[str, "Service"] = field(default_factory=dict)
    keys: tuple[str, str] = field(default_factory=lambda: (_key(), _key()))
    host: str = field(default_factory=lambda: str(uuid.uuid4()))
    made: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).isoformat())

    def drawn(self) -> "Service":
        """The version that answers a request, by the shares of the traffic."""
        draw = random.uniform(0, 100)  # noqa: S311 (no secret)
        for version in self.versions.values():
            draw -= version.asked.get("trafficPercentile") or 0
            if draw < 0:
                return version
        return next(v for v in self.versions.values() if v.asked.get("isDefault"))

    def end(self) -> None:
        """Stops its containers."""
        for one in (self, *self.versions.values()):
            if one.container:
                one.container.stop()

    def told(
        self, name: str, models: dict[str, dict[str, Any]], above: str = "", compute: str = ""
    ) -> dict[str, Any]:
        """What the workspace tells of it; ``above`` and ``compute`` are of a version's service."""
        asked = copy.deepcopy(self.asked)
        told = {
            **asked,
            "name": name,
            "state": self.state,
            "error": self.error,
            "createdTime": self.made,
            "updatedTime": self.made,
            "kvTags": asked.get("kvTags") or {},
            "properties": asked.get("properties") or {},
            "description": asked.get("description"),
            "authEnabled": asked.get("authEnabled", True),
            "aadAuthEnabled": asked.get("aadAuthEnabled", False),
            "appInsightsEnabled": asked.get("appInsightsEnabled", False),
            "scoringUri": self._address(name, above),
        }
        told.pop("keys", None)
        if asked["computeType"] == "ACI":
            empty = ("cname", "publicIp", "sslCertificate", "sslEnabled", "sslKey")
            told |= {key: asked.get(key) for key in empty}
            told["location"] = asked.get("location") or "westeurope"
        elif "versions" in asked:
            parts, compute = self.versions.items(), asked["computeName"]
            told["versions"] = {part: one.told(part, models, name, compute) for part, one in parts}
            return told
        else:
            told["computeType"] = "AKS"
            told["dataCollection"] = {"eventHubEnabled": False, "storageEnabled": False}
            told["autoScaler"] = asked.get("autoScaler") or _unscaled()
            told["computeName"] = compute
        ids = asked["environmentImageRequest"]["modelIds"]
        told["models"] = [_told(models[one]) for one in ids]
        return told

    def _address(self, name: str, above: str) -> str | None:
        if self.asked["computeType"] == "ACI":
            return f"http://{self.host}.{INSTANCES}/score" if self.container else None
        path = f"{above}/{name}" if above else name
        return f"http://{CLUSTER}:80/api/v1/service/{path}/score"


def _told(model: dict[str, Any]) -> dict[str, Any]:
    empty = ("frameworkVersion", "experimentName", "runId", "parentModelId")
    return {**dict.fromkeys(empty), "derivedModelIds": [], **model}


def _unscaled() -> dict[str, Any]:
    keys = ("maxReplicas", "minReplicas", "refreshPeriodInSeconds", "targetUtilization")
    return {"autoscaleEnabled": False, **dict.fromkeys(keys)}


def _key() -> str:
    return secrets.token_urlsafe(24)
