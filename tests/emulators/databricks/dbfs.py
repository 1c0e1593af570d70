"""DBFS over REST, in a folder: what MLflow's client of it asks for."""

import re
from pathlib import Path
from typing import Any

from tests.emulators.databricks.server import Answer, Refused, Request, Route


class Dbfs:
    """Files below ``root``; ``/x`` of DBFS is ``root/x``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)

    def routes(self) -> list[tuple[str, str, Route]]:
        return [
            ("POST", r"/dbfs/(.+)", self._write),
            ("GET", r"/dbfs/(.+)", self._read),
            ("GET", r"/api/2\.0/dbfs/get-status", self._status),
            ("GET", r"/api/2\.0/dbfs/list", self._list),
        ]

    def place(self, path: str) -> Path:
        """Where a path of DBFS, or a URI of it, is on this machine."""
        place = self.root / path.removeprefix("dbfs:").strip("/")
        if not place.resolve().is_relative_to(self.root.resolve()):
            raise Refused(400, "INVALID_PARAMETER_VALUE", f"Path must be absolute: {path}")
        return place

    def info(self, place: Path) -> dict[str, Any]:
        """What the service says of a file or folder."""
        size = 0 if place.is_dir() else place.stat().st_size
        path = f"/{place.relative_to(self.root)}"
        return {"path": path, "is_dir": place.is_dir(), "file_size": size}

    def _write(self, request: Request, match: re.Match[str]) -> Answer:
        place = self.place(match[1])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(request.body)
        return Answer(b"")

    def _read(self, request: Request, match: re.Match[str]) -> Answer:
        place = self._there(match[1])
        return Answer(place.read_bytes(), content_type="application/octet-stream")

    def _status(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self.info(self._there(request.json["path"])))

    def _list(self, request: Request, match: re.Match[str]) -> Answer:
        place = self._there(request.json["path"])
        found = sorted(place.iterdir()) if place.is_dir() else [place]
        return Answer.of({"files": [self.info(one) for one in found]} if found else {})

    def _there(self, path: str) -> Path:
        place = self.place(path)
        if not place.exists():
            raise Refused(404, "RESOURCE_DOES_NOT_EXIST", f"No file or directory exists on {path}.")
        return place
