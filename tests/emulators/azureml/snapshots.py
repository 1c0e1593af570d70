"""Snapshots of folders: their files as blobs, and which of them make up a snapshot."""

import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulators.azureml.artifacts import Artifacts
from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.resources import SERVICES
from tests.emulators.server import Answer, Request, Route


@dataclass(repr=False)
class Snapshots:
    """What was uploaded.

    Attributes:
        artifacts: Where blobs are.
        files: Of each snapshot the blobs of its files.
    """

    artifacts: Artifacts
    files: dict[str, dict[str, str]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        scope = re.escape(self.artifacts.resources.scope)
        host = re.escape(SERVICES)
        snapshots = rf"{host}/content/v2\.0{scope}/snapshots"
        return [
            ("GET", rf"{host}/content/v1\.0{scope}/snapshots/latest/metadata", self._latest),
            ("POST", rf"{snapshots}/getblob", self._addresses),
            ("POST", rf"{snapshots}/([\w-]+)", self._create),
        ]

    def content(self, snapshot: str) -> dict[str, bytes]:
        """The files of a snapshot."""
        blobs = self.artifacts.blobs
        return {path: blobs[blob] for path, blob in self.files[snapshot].items()}

    def unpack(self, snapshot: str, folder: Path) -> None:
        """Writes the files into a folder."""
        for path, content in self.content(snapshot).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def _latest(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of({"id": "00000000-0000-0000-0000-000000000000", "root": {}})

    def _addresses(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(
            {
                "fileNodes": [
                    {"fullName": name, "blobUri": self.artifacts.address(_blob(name))}
                    for name in request.json["FileNames"]
                ]
            }
        )

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        told = request.json
        known = dict(self.files.get(told["ParentSnapshotId"], {}))
        for node in told["FileRevisionList"]["FileNodes"]:
            known[node["FullName"]] = self.artifacts.blob_at(node["BlobUri"])
        wanted = _paths(told["DirTreeNode"])
        if missing := wanted - set(known):
            raise Refused(400, "UserError", f"Files without content: {sorted(missing)}")
        self.files[match[1]] = {path: known[path] for path in sorted(wanted)}
        return Answer.of({"id": match[1]})


def _blob(name: str) -> str:
    return f"snapshots/{uuid.uuid4().hex}/{name}"


def _paths(node: dict[str, Any], above: str = "") -> set[str]:
    if node["type"] == "File":
        return {above}
    below = node["children"].values()
    return {
        path for child in below for path in _paths(child, f"{above}/{child['name']}".strip("/"))
    }
