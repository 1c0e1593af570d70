"""Managed online endpoints of a workspace: what Azure tells of one, and what can be done with it.

MLflow's deployments plugin does it; what that cannot, a request to the resource manager does.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azureml.resource_manager import ResourceManager
from throughline.azureml.webservice import version_name
from throughline.deployment.target import ModelVersion
from throughline.errors import UserError

if TYPE_CHECKING:
    from mlflow.deployments import BaseDeploymentClient


@dataclass(frozen=True)
class OnlineEndpoint:
    """An endpoint as it was when Azure was asked.

    Attributes:
        told: What was told of it.
        deployments: What was told of its deployments, by their names.
    """

    told: dict[str, Any]
    deployments: dict[str, dict[str, Any]]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.told["name"])

    @property
    def url(self) -> str:
        """Where it scores; empty if it was not told."""
        return str(self.told["properties"].get("scoringUri", ""))

    @property
    def traffic(self) -> dict[str, int]:
        """The shares of the traffic, of deployments that have one."""
        shares = self.told["properties"].get("traffic") or {}
        return {name: int(share) for name, share in shares.items() if share}

    @property
    def main(self) -> str | None:
        """The deployment with the most traffic."""
        return max(self.traffic, key=lambda name: self.traffic[name], default=None)

    @property
    def served(self) -> ModelVersion | None:
        """The version with the most traffic; None if there is none."""
        deployment = self.deployments.get(self.main or "")
        return _version(deployment) if deployment else None

    def runs(self, model: ModelVersion) -> bool:
        """Whether this version is deployed, with or without traffic."""
        found = self.deployments.get(version_name(model))
        if not found or found["properties"].get("provisioningState") != "Succeeded":
            return False
        served = _version(found)
        return (served.name, served.version) == (model.name, model.version)


@dataclass(frozen=True)
class OnlineEndpoints:
    """The endpoints of a workspace.

    Attributes:
        client: The plugin's client of the workspace.
        manager: The resource manager.
    """

    client: "BaseDeploymentClient"
    manager: ResourceManager

    def find(self, name: str) -> OnlineEndpoint | None:
        """The endpoint of that name; None if there is none."""
        from azure.core.exceptions import HttpResponseError

        try:
            told = self.client.get_endpoint(name)
        except HttpResponseError as error:
            if error.status_code != 404:
                raise
            return None
        parts = self.client.list_deployments(name)
        return OnlineEndpoint(told, {one["name"]: one for one in parts})

    def make(self, name: str, tags: dict[str, str]) -> None:
        """Makes an endpoint without deployments."""
        identity = {"type": "system_assigned"}
        with _file({"auth_mode": "key", "identity": identity, "tags": tags}) as path:
            self.client.create_endpoint(name, {"endpoint-config-file": path})

    def add(self, name: str, model: ModelVersion, instance_type: str, instances: int) -> None:
        """Adds a deployment of a version, without traffic.

        Raises:
            UserError: It does not come up in the time that the plugin waits.
        """
        made_of = {"type": "managed", "instance_type": instance_type, "instance_count": instances}
        with _file(made_of) as path:
            made = self.client.create_deployment(
                version_name(model), model.uri, config={"deploy-config-file": path}, endpoint=name
            )
        if made["properties"].get("provisioningState") != "Succeeded":
            raise UserError(f"{model.uri} was not ready at the endpoint {name} within an hour")

    def set_traffic(self, name: str, traffic: dict[str, int]) -> None:
        """Gives deployments their shares, in percent; those that are not named get none."""
        with _file({"traffic": {one: part for one, part in traffic.items() if part}}) as path:
            self.client.update_endpoint(name, {"endpoint-config-file": path})

    def remove(self, name: str, deployment: str) -> None:
        """Removes a deployment, which has no traffic."""
        self.client.delete_deployment(deployment, endpoint=name)

    def delete(self, name: str) -> None:
        """Deletes an endpoint with its deployments."""
        self.client.delete_endpoint(name)

    def key(self, name: str) -> str:
        """A key to score with."""
        return str(self.manager.post(f"/onlineEndpoints/{name}/listKeys")["primaryKey"])

    def log(self, name: str, deployment: str, lines: int) -> list[str]:
        """The last lines of a deployment's log that are not blank."""
        path = f"/onlineEndpoints/{name}/deployments/{deployment}/getLogs"
        told = self.manager.post(path, {"containerType": "InferenceServer", "tail": lines})
        return [line.rstrip() for line in told["content"].splitlines() if line.strip()][-lines:]


def _version(deployment: dict[str, Any]) -> ModelVersion:
    """The version of a deployment, by its path: .../models/NAME/versions/VERSION."""
    parts = str(deployment["properties"]["model"]).split("/")
    return ModelVersion(parts[-3], parts[-1], "", "")


@contextmanager
def _file(content: dict[str, Any]) -> Iterator[str]:
    """A file with a configuration, as the plugin takes one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        yield str(path)
