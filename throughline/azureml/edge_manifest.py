"""The deployment manifest of IoT Edge: which modules a device runs, checked key by key.

Source: "Learn how to deploy modules and establish routes in IoT Edge", "Properties of the IoT Edge
agent and IoT Edge hub module twins", of Microsoft's documentation.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from throughline.deployment.target import ModelVersion
from throughline.errors import UserError
from throughline.strict import Strict

AGENT, HUB = "$edgeAgent", "$edgeHub"
MODEL = "THROUGHLINE_MODEL"
"""A module's environment variable that tells which version it serves."""
PORT = "8080/tcp"
"""Where the images of served models answer."""
_RUNTIME = "1.5"
"""The version of IoT Edge of a device that has none yet."""
_IMAGES = "mcr.microsoft.com/azureiotedge"
IMAGE = r"^[a-z0-9][a-z0-9._/:-]*:[A-Za-z0-9_][A-Za-z0-9._-]*$"
"""An image in a registry, with its tag."""


class _Part(Strict):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")  # long options go on in createOptions01

    image: str
    createOptions: str | dict[str, Any] = "{}"  # noqa: N815 (the manifest's own names)


class _SystemModule(_Part):
    type: Literal["docker"]
    settings: _Settings
    env: dict[str, dict[str, Any]] = {}
    status: Literal["running", "stopped"] | None = None
    restartPolicy: str | None = None  # noqa: N815
    startupOrder: int | None = None  # noqa: N815
    imagePullPolicy: Literal["on-create", "never"] | None = None  # noqa: N815


class _Module(_SystemModule):
    version: str | None = None
    status: Literal["running", "stopped"]
    restartPolicy: Literal["never", "on-failure", "on-unhealthy", "always"]  # noqa: N815


class _RuntimeSettings(_Part):
    minDockerVersion: str | None = None  # noqa: N815
    loggingOptions: str | None = None  # noqa: N815
    registryCredentials: dict[str, dict[str, str]] = {}  # noqa: N815


class _Runtime(_Part):
    type: Literal["docker"]
    settings: _RuntimeSettings


class _SystemModules(_Part):
    edgeAgent: _SystemModule  # noqa: N815
    edgeHub: _SystemModule  # noqa: N815


class _Agent(_Part):
    schemaVersion: Literal["1.0", "1.1"]  # noqa: N815
    runtime: _Runtime
    systemModules: _SystemModules  # noqa: N815
    modules: dict[str, _Module]


class _StoreAndForward(_Part):
    timeToLiveSecs: int = Field(ge=0)  # noqa: N815


class _Hub(_Part):
    schemaVersion: str  # noqa: N815
    routes: dict[str, str | dict[str, Any]]
    storeAndForwardConfiguration: _StoreAndForward  # noqa: N815
    mqttBroker: dict[str, Any] | None = None  # noqa: N815


Manifest = dict[str, dict[str, Any]]
"""Of each of the two system modules the desired properties."""


def module(image: str, model_uri: str, port: int | None) -> dict[str, Any]:
    """A module that serves a model.

    Args:
        image: Its image, with a tag.
        model_uri: Which version the image serves.
        port: The port of the device to answer at; None for the device's modules only.
    """
    options: dict[str, Any] = {"ExposedPorts": {PORT: {}}}
    if port:
        options["HostConfig"] = {"PortBindings": {PORT: [{"HostPort": str(port)}]}}
    return {
        "type": "docker",
        "status": "running",
        "restartPolicy": "always",
        "settings": {"image": image, "createOptions": json.dumps(options)},
        "env": {MODEL: {"value": model_uri}},
    }


def with_module(before: Manifest, name: str, added: dict[str, Any] | None) -> Manifest:
    """A device's manifest with another module, or without it; all else stays.

    Args:
        before: The manifest as the device has it; empty for one that runs nothing.
        name: The module's name.
        added: The module; None to take it away.
    """
    agent, hub = before.get(AGENT) or _agent(), before.get(HUB) or _hub()
    modules = {key: one for key, one in agent.get("modules", {}).items() if key != name}
    if added:
        modules[name] = added
    return {AGENT: {**agent, "modules": modules}, HUB: hub}


def modules_of(manifest: Manifest) -> dict[str, Any]:
    """The modules of a manifest by their names; none of the system's."""
    found: dict[str, Any] = manifest.get(AGENT, {}).get("modules", {})
    return found


def version_of(found: Mapping[str, Any]) -> ModelVersion | None:
    """The version that a module says it serves; None if it says nothing."""
    uri = str(found.get("env", {}).get(MODEL, {}).get("value", ""))
    name, _, version = uri.removeprefix("models:/").rpartition("/")
    return ModelVersion(name, version, "", "") if name else None


def content(manifest: Manifest) -> dict[str, Any]:
    """The manifest as it is applied.

    Raises:
        UserError: It is none; the sentence names the key.
    """
    try:
        _Agent.model_validate(manifest[AGENT])
        _Hub.model_validate(manifest[HUB])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(
            f"The deployment manifest is not one of IoT Edge, at {where}: {first['msg']}."
        ) from None
    return {key: {"properties.desired": part} for key, part in manifest.items()}


def _agent() -> dict[str, Any]:
    system = {
        name: {
            "type": "docker",
            "settings": {"image": f"{_IMAGES}-{kind}:{_RUNTIME}", "createOptions": "{}"},
        }
        for name, kind in (("edgeAgent", "agent"), ("edgeHub", "hub"))
    }
    system["edgeHub"] |= {"status": "running", "restartPolicy": "always"}
    return {
        "schemaVersion": "1.1",
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
        "systemModules": system,
        "modules": {},
    }


def _hub() -> dict[str, Any]:
    kept = {"timeToLiveSecs": 7200}
    return {"schemaVersion": "1.1", "routes": {}, "storeAndForwardConfiguration": kept}
