"""An IoT hub: its REST API about IoT Edge devices, and the agents of devices that are connected.

An agent runs the modules whose images it can pull, and tells so in its reported properties.
Source: the documentation of IoT Hub's REST API, version 2021-04-12, and of IoT Edge's agent.
"""

import base64
import copy
import hashlib
import hmac
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import jsonschema

from tests.emulators.server import Answer, Refused, Request, Route

HOST = "hub-of-tests.azure-devices.net"
POLICY = "registryReadWrite"
AGENT, HUB = "$edgeAgent", "$edgeHub"

_SETTINGS = {
    "type": "object",
    "required": ["image"],
    "properties": {"image": {"type": "string"}, "createOptions": {"type": "string"}},
    "patternProperties": {"^createOptions[0-9]{2}$": {"type": "string"}},
    "additionalProperties": False,
}
_SYSTEM = {
    "type": "object",
    "required": ["type", "settings"],
    "properties": {
        "type": {"const": "docker"},
        "status": {"enum": ["running"]},
        "restartPolicy": {"enum": ["always"]},
        "settings": _SETTINGS,
        "env": {"type": "object"},
    },
    "additionalProperties": False,
}
_MODULE = {
    "type": "object",
    "required": ["type", "status", "restartPolicy", "settings"],
    "properties": {
        "version": {"type": "string"},
        "type": {"const": "docker"},
        "status": {"enum": ["running", "stopped"]},
        "restartPolicy": {"enum": ["never", "on-failure", "on-unhealthy", "always"]},
        "settings": _SETTINGS,
        "env": {"type": "object", "additionalProperties": {"required": ["value"]}},
    },
    "additionalProperties": False,
}
_AGENT = {
    "type": "object",
    "required": ["schemaVersion", "runtime", "systemModules", "modules"],
    "properties": {
        "schemaVersion": {"enum": ["1.0", "1.1"]},
        "runtime": {"type": "object", "required": ["type", "settings"]},
        "systemModules": {
            "type": "object",
            "required": ["edgeAgent", "edgeHub"],
            "additionalProperties": _SYSTEM,
        },
        "modules": {"type": "object", "additionalProperties": _MODULE},
    },
    "additionalProperties": False,
}
_HUB = {
    "type": "object",
    "required": ["schemaVersion", "routes", "storeAndForwardConfiguration"],
    "properties": {
        "schemaVersion": {"enum": ["1.0", "1.1"]},
        "routes": {"type": "object"},
        "storeAndForwardConfiguration": {"type": "object", "required": ["timeToLiveSecs"]},
    },
    "additionalProperties": False,
}


@dataclass
class Device:
    """An IoT Edge device.

    Attributes:
        connected: Whether its agent hears of manifests.
        broken: Whether the hub cannot give it one.
        desired: What it is to run, for its two system modules.
        reported: What its agent tells.
        logs: The log of each module.
    """

    connected: bool = True
    broken: bool = False
    desired: dict[str, dict[str, Any]] = field(default_factory=lambda: {AGENT: {}, HUB: {}})
    reported: dict[str, Any] = field(default_factory=dict)
    logs: dict[str, list[str]] = field(default_factory=dict)


@dataclass(repr=False)
class IotHub:
    """A hub.

    Attributes:
        devices: Its devices by id.
        images: Those that devices can pull.
        key: The key of the policy.
    """

    devices: dict[str, Device] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    key: str = base64.b64encode(b"the key of the tests").decode()

    @property
    def connection_string(self) -> str:
        return f"HostName={HOST};SharedAccessKeyName={POLICY};SharedAccessKey={self.key}"

    def routes(self) -> list[tuple[str, str, Route]]:
        host = re.escape(HOST)
        twin = rf"{host}/twins/([^/]+)/modules/([^/]+)"
        return [
            ("GET", twin, self._twin),
            ("POST", f"{twin}/methods", self._method),
            ("POST", rf"{host}/devices/([^/]+)/applyConfigurationContent", self._apply),
        ]

    def _twin(self, request: Request, match: re.Match[str]) -> Answer:
        device = self._device(request, match)
        if match[2] not in device.desired:
            raise _refused(404, "ModuleNotFound")
        version = {"$version": 3, "$metadata": {"$lastUpdated": "2026-01-01T00:00:00Z"}}
        desired = {**copy.deepcopy(device.desired[match[2]]), **version}
        reported = {**copy.deepcopy(device.reported), **version} if match[2] == AGENT else version
        told = {"desired": desired, "reported": reported}
        ids = {"deviceId": match[1], "moduleId": match[2], "etag": "AAAAAAAAAAE="}
        return Answer.of({**ids, "properties": told})

    def _apply(self, request: Request, match: re.Match[str]) -> Answer:
        device = self._device(request, match)
        if device.broken:
            raise _refused(500, "ServerError")
        assert set(request.json) == {"modulesContent"}
        given = {
            k: part["properties.desired"] for k, part in request.json["modulesContent"].items()
        }
        try:
            jsonschema.validate(given[AGENT], _AGENT)
            jsonschema.validate(given[HUB], _HUB)
        except jsonschema.ValidationError as error:
            raise _refused(400, f"InvalidConfigurationContent {error.message}") from None
        device.desired = given
        if device.connected:
            self._run(device)
        return Answer(b"", 204)

    def _method(self, request: Request, match: re.Match[str]) -> Answer:
        device = self._device(request, match)
        if not device.connected:
            raise _refused(404, "DeviceNotOnline")
        assert match[2] == AGENT and request.json["methodName"] == "GetModuleLogs"
        asked = request.json["payload"]
        assert (asked["schemaVersion"], asked["encoding"]) == ("1.0", "none")
        (item,) = asked["items"]
        if item["id"] not in device.logs:
            return Answer.of({"status": 400, "payload": {"message": "no such module"}})
        tail = device.logs[item["id"]][-item["filter"]["tail"] :]
        payload = [{"id": item["id"], "payload": "\n".join(tail) + "\n", "payloadBytes": None}]
        return Answer.of({"status": 200, "payload": payload})

    def _run(self, device: Device) -> None:
        told = {}
        for name, module in device.desired[AGENT]["modules"].items():
            pulled = module["settings"]["image"] in self.images
            status = "running" if pulled else "backoff"
            told[name] = {**module, "runtimeStatus": status, "exitCode": 0}
            if pulled:
                device.logs.setdefault(name, []).append(f"started {module['settings']['image']}")
        device.logs = {name: lines for name, lines in device.logs.items() if name in told}
        device.reported = {"schemaVersion": "1.1", "modules": told}

    def _device(self, request: Request, match: re.Match[str]) -> Device:
        self._admit(request)
        if match[1] not in self.devices:
            raise _refused(404, "DeviceNotFound")
        return self.devices[match[1]]

    def _admit(self, request: Request) -> None:
        """Checks the signature of the request's token."""
        kind, _, rest = request.headers.get("Authorization", "").partition(" ")
        token = dict(parse_qsl(rest))
        signed = f"{quote_plus(HOST)}\n{token.get('se')}".encode()
        made = hmac.new(base64.b64decode(self.key), signed, hashlib.sha256).digest()
        fits = hmac.compare_digest(base64.b64encode(made).decode(), token.get("sig", ""))
        if kind != "SharedAccessSignature" or not fits or int(token["se"]) < time.time():
            raise _refused(401, "IotHubUnauthorizedAccess")


def _refused(status: int, code: str) -> Refused:
    told = {"Message": f"ErrorCode:{code}", "ExceptionMessage": "Tracking ID:0"}
    return Refused(Answer(json.dumps(told).encode(), status))
