"""Models of a workspace (SDK v1): what is uploaded, assets made of it, models made of assets."""

import datetime as dt
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.emulators.azureml.artifacts import CONTAINER, STORAGE, Artifacts
from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.resources import SERVICES, Resources
from tests.emulators.server import Answer, Request, Route


@dataclass(repr=False)
class Models:
    """What was uploaded from machines of users, and the models of it.

    Attributes:
        resources: The workspace.
        artifacts: Whose blobs hold the content.
        assets: The prefix of each asset.
        models: The models by their ids, ``name:version``.
    """

    resources: Resources
    artifacts: Artifacts
    assets: dict[str, str] = field(default_factory=dict)
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        uploads = re.escape(f"{SERVICES}/artifact/v2.0{self.resources.scope}/artifacts/")
        management = re.escape(f"{SERVICES}/modelmanagement/v1.0{self.resources.scope}")
        return [
            ("POST", rf"{uploads}batch/metadata/(LocalUpload/[\w-]+)", self._announce),
            ("POST", f"{management}/assets", self._add_asset),
            ("GET", rf"{management}/assets/(\w+)", self._get_asset),
            ("POST", f"{management}/models", self._register),
            ("GET", f"{management}/models", self._list),
            ("GET", f"{management}/models/([^/]+)", self._get),
        ]

    def put(self, model: str, folder: Path) -> Path:
        """Writes a model's files, as a container finds them; returns the folder of its version."""
        found = self.models[model]
        prefix = self.assets[found["url"].removeprefix("aml://asset/")]
        place = folder / found["name"] / str(found["version"])
        above = prefix.rpartition("/")[0]
        for name, content in self.artifacts.blobs.items():
            if name.startswith(f"{prefix}/"):
                path = place / name.removeprefix(f"{above}/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return place

    def upload(self, url: str) -> bytes:
        """What was uploaded as one artifact."""
        return self.artifacts.blobs[url.removeprefix("aml://artifact/")]

    def _announce(self, request: Request, match: re.Match[str]) -> Answer:
        origin, _, container = match[1].partition("/")
        made, addresses = {}, {}
        for one in request.json["paths"]:
            path, number = one["path"], f"{match[1]}/{one['path']}"
            told = {"artifactId": number, "origin": origin, "container": container, "path": path}
            query = f"sv=2021-08-06&sr=b&sp=rw&sig={self.artifacts.signature}"
            place = f"https://{STORAGE}/{CONTAINER}/{quote(number)}"
            made[path], addresses[path] = told, {**told, "contentUri": f"{place}?{query}"}
        return Answer.of({"artifacts": made, "artifactContentInformation": addresses, "errors": {}})

    def _add_asset(self, request: Request, match: re.Match[str]) -> Answer:
        number = uuid.uuid4().hex
        (artifact,) = request.json["artifacts"]
        self.assets[number] = artifact["prefix"]
        return Answer.of({**request.json, "id": number, "createdTime": _now()})

    def _get_asset(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of({"id": match[1], "artifacts": [{"prefix": self.assets[match[1]]}]})

    def _register(self, request: Request, match: re.Match[str]) -> Answer:
        asked = request.json
        versions = [m["version"] for m in self.models.values() if m["name"] == asked["name"]]
        version = max(versions, default=0) + 1
        made = {
            "id": f"{asked['name']}:{version}",
            "name": asked["name"],
            "version": version,
            "url": asked["url"],
            "mimeType": asked["mimeType"],
            "unpack": asked["unpack"],
            "description": asked.get("description"),
            "kvTags": asked.get("kvTags", {}),
            "properties": asked.get("properties", {}),
            "createdTime": _now(),
            "createdBy": {"userName": "the tests"},
            "framework": asked.get("framework", "Custom"),
            "datasets": [],
        }
        self.models[made["id"]] = made
        return Answer.of(made)

    def _list(self, request: Request, match: re.Match[str]) -> Answer:
        asked = request.query
        assert set(asked) <= {"name", "tags", "count", "latestVersionOnly"}, asked
        wanted = [one.partition("=") for one in asked.get("tags", "").split(",") if one]
        found = [m for m in self.models.values() if m["name"] == asked["name"]]
        for key, _, value in wanted:
            found = [m for m in found if m["kvTags"].get(key) == value]
        return Answer.of({"value": found[::-1]})

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        if match[1] not in self.models:
            raise Refused(404, "ModelNotFound", f"Model with id {match[1]} not found.")
        return Answer.of(self.models[match[1]])


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()
