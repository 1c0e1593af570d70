"""An IoT hub: what it tells of its devices, and what they are given through it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from throughline.azureml.edge_manifest import AGENT, HUB, Manifest, content
from throughline.errors import UserError

if TYPE_CHECKING:
    from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager

CONNECTION_STRING = "IOTHUB_CONNECTION_STRING"  # noqa: S105 (the name of a variable)
"""The environment's variable with the hub's address and key, of a policy that may write."""


@dataclass(frozen=True)
class IotHub:
    """A hub.

    Attributes:
        configurations: The client that gives devices their manifests.
        registry: The client that tells of devices.
        host: The hub's address.
    """

    configurations: "IoTHubConfigurationManager"
    registry: "IoTHubRegistryManager"
    host: str

    @classmethod
    def open(cls) -> "IotHub":
        """Opens the hub that the environment names.

        Raises:
            UserError: The package for it is not installed, or there is no connection string.
        """
        try:
            from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
        except ImportError:
            raise UserError(
                "The target iot-edge needs the package azure-iot-hub; install "
                "requirements-iot-edge.txt."
            ) from None
        string = os.environ.get(CONNECTION_STRING, "")
        host = dict(part.partition("=")[::2] for part in string.split(";")).get("HostName", "")
        try:
            configurations = IoTHubConfigurationManager.from_connection_string(string)
            registry = IoTHubRegistryManager.from_connection_string(string)
        except (ValueError, KeyError):
            raise UserError(
                f"No IoT hub is named; set {CONNECTION_STRING} to the connection string of a "
                "shared access policy of the hub that may write."
            ) from None
        return cls(configurations, registry, host)

    def manifest(self, device: str) -> Manifest:
        """What a device is to run; empty parts for a device that never got a manifest.

        Raises:
            UserError: There is no such device.
        """
        from msrest.exceptions import HttpOperationError

        try:
            twins = {key: self.registry.get_module_twin(device, key) for key in (AGENT, HUB)}
        except HttpOperationError as error:
            if error.response.status_code != 404:
                raise
            raise UserError(
                f"The hub {self.host} has no IoT Edge device {device}; give others as "
                "-P target_options=devices=..."
            ) from None
        return {key: _plain(twin.properties.desired) for key, twin in twins.items()}

    def apply(self, device: str, manifest: Manifest) -> None:
        """Gives a device what it is to run.

        Raises:
            UserError: It is no manifest.
        """
        from azure.iot.hub.models import ConfigurationContent

        applied = ConfigurationContent(modules_content=content(manifest))
        self.configurations.apply_configuration_on_edge_device(device, applied)

    def reported(self, device: str, module: str) -> dict[str, Any]:
        """What a device's agent tells of a module; empty if it tells nothing."""
        twin = self.registry.get_module_twin(device, AGENT)
        told: dict[str, Any] = (twin.properties.reported or {}).get("modules", {}).get(module, {})
        return told

    def log(self, device: str, module: str, lines: int) -> list[str]:
        """The last lines of a module's log that are not blank, as the device's agent tells them.

        Raises:
            UserError: The device does not have the module.
        """
        from azure.iot.hub.models import CloudToDeviceMethod

        asked = {
            "schemaVersion": "1.0",
            "items": [{"id": module, "filter": {"tail": lines}}],
            "encoding": "none",
            "contentType": "text",
        }
        method = CloudToDeviceMethod(method_name="GetModuleLogs", payload=asked)
        answer = self.registry.invoke_device_module_method(device, AGENT, method)
        if answer.status != 200:
            raise UserError(f"The device {device} has no module {module}.")
        text = "\n".join(one["payload"] for one in answer.payload)
        return [line for line in text.splitlines() if line.strip()][-lines:]

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns errors of the hub in the block into a user's mistake."""
        from msrest.exceptions import ClientException

        try:
            yield
        except ClientException as error:
            raise UserError(_reason(error, self.host)) from None


def _plain(desired: Any) -> dict[str, Any]:
    """Desired properties without what the hub adds."""
    return {key: value for key, value in (desired or {}).items() if not key.startswith("$")}


def _reason(error: Exception, host: str) -> str:
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status in (401, 403):
        return (
            f"The hub {host} refuses the key; check {CONNECTION_STRING}, whose policy has to be "
            "one that may write."
        )
    if status is None:
        return f"The hub {host} does not answer; check {CONNECTION_STRING} and the network."
    return f"The hub {host} answers {status} ({' '.join(str(error).split())[:200]})."
