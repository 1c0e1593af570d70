"""The files of registered models, which the workspace registry hands out by signed URIs."""

import re
import secrets
from pathlib import Path
from typing import Any

import requests

from tests.emulators.databricks.dbfs import Dbfs
from tests.emulators.databricks.server import Answer, Refused, Request, Route

PREFIX = r"/api/2\.0/mlflow/model-versions"


class ModelFiles:
    """What is registered at a tracking server, and lies on DBFS."""

    def __init__(self, dbfs: Dbfs, tracking: str, url: str) -> None:
        self.dbfs, self.tracking, self.url = dbfs, tracking, url
        self.signed: dict[str, Path] = {}

    def routes(self) -> list[tuple[str, str, Route]]:
        return [
            ("GET", rf"{PREFIX}/list-artifacts", self._list),
            ("GET", rf"{PREFIX}/get-signed-download-uri", self._sign),
            ("GET", r"/signed/(\w+)", self._read),
        ]

    def _list(self, request: Request, match: re.Match[str]) -> Answer:
        root = self._root(request)
        place = root / request.json["path"]
        found = sorted(place.iterdir()) if place.is_dir() else [place]
        infos = [
            {**self.dbfs.info(one), "path": str(one.relative_to(root))}
            for one in found
            if one.exists()
        ]
        return Answer.of({"files": infos})

    def _sign(self, request: Request, match: re.Match[str]) -> Answer:
        key = secrets.token_hex(8)
        self.signed[key] = self._root(request) / request.json["path"]
        return Answer.of({"signed_uri": f"{self.url}/signed/{key}"})

    def _read(self, request: Request, match: re.Match[str]) -> Answer:
        place = self.signed.get(match[1])
        if place is None or not place.is_file():
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", "No such file")
        return Answer(place.read_bytes(), content_type="application/octet-stream")

    def folder(self, name: str, version: str) -> Path:
        """Where the files of a version are; refuses one that is not registered."""
        asked = {"name": name, "version": version}
        source = self._ask("model-versions/get", asked)["model_version"]["source"]
        if source.startswith("models:/"):
            model = self._ask(f"logged-models/{source.removeprefix('models:/')}", {})
            source = model["model"]["info"]["artifact_uri"]
        return self.dbfs.place(source)

    def _root(self, request: Request) -> Path:
        return self.folder(request.json["name"], request.json["version"])

    def _ask(self, what: str, query: dict[str, str]) -> dict[str, Any]:
        answer = requests.get(f"{self.tracking}/api/2.0/mlflow/{what}", query, timeout=30)
        if not answer.ok:
            raise Refused(answer.status_code, "RESOURCE_DOES_NOT_EXIST", answer.text)
        return dict(answer.json())
