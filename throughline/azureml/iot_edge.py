"""The target iot-edge: a model's image as a module of IoT Edge devices."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import Field

from throughline.azureml.edge_manifest import (
    IMAGE,
    MODEL,
    Manifest,
    content,
    module,
    modules_of,
    version_of,
    with_module,
)
from throughline.azureml.iot_hub import IotHub
from throughline.azureml.refusals import raise_with
from throughline.azureml.webservice import service_name
from throughline.deployment.target import Deployment, ModelVersion
from throughline.errors import UserError
from throughline.strict import Strict

logger = logging.getLogger(__name__)

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

    image: str = Field(pattern=IMAGE)
    devices: str = Field(pattern=r"^[A-Za-z0-9._:=@-]+(\+[A-Za-z0-9._:=@-]+)*$")
    module: str | None = Field(None, pattern=r"^[A-Za-z0-9._-]{1,128}$")
    port: int | None = Field(None, ge=1, le=65535)
    wait_seconds: float = Field(300, ge=0)


class IotEdgeTarget:
    """Runs each model's image as a module of devices.

    Args:
        hub: The hub of the devices.
        options: Which image and devices.
        poll_seconds: How often devices are asked.
    """

    def __init__(self, hub: IotHub, options: IotEdgeOptions, poll_seconds: float = 5.0) -> None:
        self.hub, self.options, self.poll_seconds = hub, options, poll_seconds
        self.devices = options.devices.split("+")

    def deploy(self, model: ModelVersion) -> Deployment:
        """Gives the devices the module; see ``DeploymentTarget.deploy``.

        The other modules of a device stay. If a device cannot be given it, or its agent tells that
        the module does not run, all devices get back what they had. A device that tells nothing,
        since it is not connected, runs the module once it is.
        """
        name = self._module(model.name)
        wanted = module(self.options.image, model.uri, self.options.port)
        with self.hub.errors():
            before = {device: self.hub.manifest(device) for device in self.devices}
            mine = [modules_of(manifest).get(name) for manifest in before.values()]
            for device, one in zip(self.devices, mine, strict=True):
                self._check_ours(device, name, one, model.name)
            if all(one == wanted for one in mine):
                logger.info("%s have %s already", ", ".join(self.devices), model.uri)
                return self._deployment(model, self._runs(name, wanted), "unchanged")
            content(with_module(next(iter(before.values())), name, wanted))
            started, done = time.monotonic(), []
            try:
                with self.hub.errors():
                    for device, manifest in before.items():
                        done.append(device)  # also if the hub does it and its answer is lost
                        self.hub.apply(device, with_module(manifest, name, wanted))
                    healthy = self._wait(name, wanted)
            except Exception as error:
                raise_with(error, self._put_back({device: before[device] for device in done}))
        change, seconds = "replaced" if any(mine) else "started", time.monotonic() - started
        return replace(self._deployment(model, healthy, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what the devices are to run; None if none of them has the module."""
        with self.hub.errors():
            found = [modules_of(self.hub.manifest(d)).get(self._module(name)) for d in self.devices]
            there = next(filter(None, found), None)
            served = version_of(there) if there else None
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
        with self.hub.errors():
            return [
                f"{device}: {line}"
                for device in self.devices
                for line in self.hub.log(device, self._module(name), lines)
            ]

    def delete(self, name: str) -> Deployment | None:
        """Takes the module from the devices; returns what it was, or None if none had it."""
        found = self.status(name)
        if found is None:
            return None
        with self.hub.errors():
            for device in self.devices:
                before = self.hub.manifest(device)
                one = modules_of(before).get(self._module(name))
                if one and (served := version_of(one)) and served.name == name:
                    self.hub.apply(device, with_module(before, self._module(name), None))
        return replace(found, healthy=False)

    def _check_ours(
        self, device: str, name: str, there: Mapping[str, Any] | None, model: str
    ) -> None:
        served = version_of(there) if there else None
        if there and (served is None or served.name != model):
            raise UserError(
                f"The module {name} of {device} serves something else, "
                f"{served.name if served else 'nothing of this project'}; give another name as "
                "-P target_options=module=..."
            )

    def _module(self, model: str) -> str:
        return self.options.module or service_name(model)

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
        told = self.hub.reported(device, name)
        env = told.get("env", {}).get(MODEL, {}).get("value")
        if told.get("settings", {}).get("image") != wanted["settings"]["image"]:
            return ""
        if env not in (None, wanted["env"][MODEL]["value"]):
            return ""
        return str(told.get("runtimeStatus", ""))

    def _put_back(self, before: dict[str, Manifest]) -> str:
        """Gives devices back what they had; returns what became of it, without a full stop."""
        back, lost = [], []
        for device, manifest in before.items():
            try:
                with self.hub.errors():
                    self.hub.apply(device, with_module(manifest, "", None))
                back.append(device)
            except Exception as error:
                lost.append(f"{device} did not ({str(error).rstrip('.')})")
        told = [f"{' and '.join(back)} got back what was there before"] if back else []
        return "; ".join(told + lost) or "no device was changed"

    def _deployment(self, model: ModelVersion, healthy: bool, change: Any = "found") -> Deployment:
        return Deployment(
            model,
            f"https://{self.hub.host}",
            None,
            f"module {self._module(model.name)} of {', '.join(self.devices)}",
            healthy,
            change,
            scoring_path="",
        )
