"""The target iot-edge: a model's image as a module of IoT Edge devices."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from throughline.azureml.edge_manifest import (
    AGENT,
    HUB,
    MODEL,
    Manifest,
    content,
    module,
    with_module,
)
from throughline.azureml.refusals import raise_with
from throughline.azureml.webservice import service_name
from throughline.deployment.target import Deployment, ModelVersion
from throughline.errors import UserError
from throughline.strict import Strict

if TYPE_CHECKING:
    from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager

logger = logging.getLogger(__name__)

CONNECTION_STRING = "IOTHUB_CONNECTION_STRING"  # noqa: S105 (the name of a variable)
"""The environment's variable with the hub's address and key, of a policy that may write."""
_BROKEN = ("failed", "stopped", "backoff", "unhealthy", "dead")


class IotEdgeOptions(Strict):
    """Which image, and where it goes.

    Attributes:
        image: A served model's image in a registry that the devices reach, with its tag.
        devices: The devices' ids, with ``+`` between.
        module: The module's name; by default the model's.
        port: The port of a device to answer at; by default only the device's modules are answered.
        wait_seconds: How long to wait until the devices tell that the module runs.
    """

    image: str = Field(pattern=r"^[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9._-]*$")
    devices: str = Field(pattern=r"^[A-Za-z0-9._:=@-]+(\+[A-Za-z0-9._:=@-]+)*$")
    module: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]{1,128}$")
    port: int | None = Field(None, ge=1, le=65535)
    wait_seconds: float = Field(300, ge=0)


class IotEdgeTarget:
    """Runs each model's image as a module of devices.

    Args:
        configurations: The client that gives devices their manifests.
        registry: The client that tells of devices.
        host: The hub's address.
        options: Which image and devices.
        poll_seconds: How often devices are asked.
    """

    def __init__(
        self,
        configurations: "IoTHubConfigurationManager",
        registry: "IoTHubRegistryManager",
        host: str,
        options: IotEdgeOptions,
        poll_seconds: float = 5.0,
    ) -> None:
        self.configurations, self.registry, self.host = configurations, registry, host
        self.options, self.poll_seconds = options, poll_seconds
        self.devices = options.devices.split("+")

    @classmethod
    def open(cls, options: IotEdgeOptions) -> "IotEdgeTarget":
        """Opens the target at the hub that the environment names.

        Raises:
            UserError: The package for it is not installed, or there is no connection string.
        """
        try:
            from azure.iot.hub import IoTHubConfigurationManager, IoTHubRegistryManager
        except ImportError:
            raise UserError(
                "The target iot-edge needs the package azure-iot-hub; install it with pip install "
                "azure-iot-hub==2.7.0 six."
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
        return cls(configurations, registry, host, options)

    def deploy(self, model: ModelVersion) -> Deployment:
        """Gives the devices the module; see ``DeploymentTarget.deploy``.

        The other modules of a device stay. If a device cannot be given it, or its agent tells that
        the module does not run, all devices get back what they had. A device that tells nothing,
        since it is not connected, runs the module once it is.
        """
        name, wanted = (
            self._module(model.name),
            module(self.options.image, model.uri, self.options.port),
        )
        with self._errors():
            before = {device: self._manifest(device) for device in self.devices}
            mine = [_modules(manifest).get(name) for manifest in before.values()]
            if all(one == wanted for one in mine):
                logger.info("%s have %s already", ", ".join(self.devices), model.uri)
                return self._deployment(model, self._runs(name, wanted), "unchanged")
            content(with_module(next(iter(before.values())), name, wanted))
            started, done = time.monotonic(), []
            try:
                with self._errors():
                    for device, manifest in before.items():
                        self._apply(device, with_module(manifest, name, wanted))
                        done.append(device)
                    healthy = self._wait(name, wanted)
            except Exception as error:
                raise_with(error, self._put_back({device: before[device] for device in done}))
        change, seconds = "replaced" if any(mine) else "started", time.monotonic() - started
        return replace(self._deployment(model, healthy, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what the devices are to run; None if none of them has the module."""
        with self._errors():
            found = [_modules(self._manifest(d)).get(self._module(name)) for d in self.devices]
            there = next(filter(None, found), None)
            served = _version(there) if there else None
            if there is None or served is None or served.name != name:
                return None
            return self._deployment(served, self._runs(self._module(name), there))

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Refuses: a module answers on its device, not through the hub.

        Raises:
            UserError: Always.
        """
        raise UserError(
            f"The module {self._module(name)} answers on its devices only; ask it there, at port "
            f"{self.options.port or 8080}."
        )

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the module's log on each device, as its agent tells them.

        Raises:
            UserError: A device is not connected, or does not have the module.
        """
        from azure.iot.hub.models import CloudToDeviceMethod

        asked = {
            "schemaVersion": "1.0",
            "items": [{"id": self._module(name), "filter": {"tail": lines}}],
            "encoding": "none",
            "contentType": "text",
        }
        told: list[str] = []
        with self._errors():
            for device in self.devices:
                method = CloudToDeviceMethod(method_name="GetModuleLogs", payload=asked)
                answer = self.registry.invoke_device_module_method(device, AGENT, method)
                if answer.status != 200:
                    raise UserError(f"The device {device} has no module {self._module(name)}.")
                text = "\n".join(one["payload"] for one in answer.payload)
                told += [f"{device}: {line}" for line in text.splitlines() if line.strip()][-lines:]
        return told

    def delete(self, name: str) -> Deployment | None:
        """Takes the module from the devices; returns what it was, or None if none had it."""
        found = self.status(name)
        if found is None:
            return None
        with self._errors():
            for device in self.devices:
                before = self._manifest(device)
                self._apply(device, with_module(before, self._module(name), None))
        return replace(found, healthy=False)

    def _module(self, model: str) -> str:
        return self.options.module or service_name(model)

    def _manifest(self, device: str) -> Manifest:
        """What a device is to run; empty parts for a device that never got a manifest."""
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

    def _apply(self, device: str, manifest: Manifest) -> None:
        from azure.iot.hub.models import ConfigurationContent

        applied = ConfigurationContent(modules_content=content(manifest))
        self.configurations.apply_configuration_on_edge_device(device, applied)

    def _wait(self, name: str, wanted: Mapping[str, Any]) -> bool:
        """Waits until all devices run the module; False if some have told nothing.

        Raises:
            UserError: A device tells that it does not run.
        """
        ended = time.monotonic() + self.options.wait_seconds
        while not self._runs(name, wanted):
            if time.monotonic() >= ended:
                for device in self.devices:
                    state = self._state(device, name, wanted)
                    if state in _BROKEN:
                        raise UserError(f"The module {name} does not run on {device} ({state})")
                    if state != "running":
                        logger.warning("%s has not told yet that it runs %s", device, name)
                return False
            time.sleep(self.poll_seconds)
        return True

    def _runs(self, name: str, wanted: Mapping[str, Any]) -> bool:
        return all(self._state(device, name, wanted) == "running" for device in self.devices)

    def _state(self, device: str, name: str, wanted: Mapping[str, Any]) -> str:
        """What a device's agent tells of the module; empty if it tells of another one."""
        twin = self.registry.get_module_twin(device, AGENT)
        told = (twin.properties.reported or {}).get("modules", {}).get(name, {})
        env = told.get("env", {}).get(MODEL, {}).get("value")
        if told.get("settings", {}).get("image") != wanted["settings"]["image"]:
            return ""
        if env not in (None, wanted["env"][MODEL]["value"]):
            return ""
        return str(told.get("runtimeStatus", ""))

    def _put_back(self, before: dict[str, Manifest]) -> str:
        """Gives devices back what they had; returns what became of it, without a full stop."""
        for device, manifest in before.items():
            self._apply(device, with_module(manifest, "", None))
        back = f"{' and '.join(before)} got back what was there before"
        return back if before else "no device was changed"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns errors of the hub in the block into a user's mistake."""
        from msrest.exceptions import ClientException

        try:
            yield
        except ClientException as error:
            raise UserError(_reason(error, self.host)) from None

    def _deployment(self, model: ModelVersion, healthy: bool, change: Any = "found") -> Deployment:
        return Deployment(
            model,
            f"https://{self.host}",
            None,
            f"module {self._module(model.name)} of {', '.join(self.devices)}",
            healthy,
            change,
            scoring_path="",
        )


def _modules(manifest: Manifest) -> dict[str, Any]:
    found: dict[str, Any] = manifest.get(AGENT, {}).get("modules", {})
    return found


def _version(found: Mapping[str, Any]) -> ModelVersion | None:
    """The version that a module says it serves."""
    uri = str(found.get("env", {}).get(MODEL, {}).get("value", ""))
    name, _, version = uri.removeprefix("models:/").rpartition("/")
    return ModelVersion(name, version, "", "") if name else None


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
