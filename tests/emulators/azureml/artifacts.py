"""A run's artifacts: what is there, and signed addresses of blobs; and the blobs themselves."""

import hashlib
import re
import secrets
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.resources import SERVICES, Resources
from tests.emulators.server import Answer, Request, Route
from tests.emulators.server import Refused as RefusedAs

STORAGE = "teststorage.blob.core.windows.net"
CONTAINER = "azureml"


@dataclass(repr=False)
class Artifacts:
    """Artifacts of runs, kept in memory.

    Attributes:
        resources: The workspace.
        paths: Of each run the artifacts that were announced.
        blobs: The content of blobs by their names.
        signature: What an address carries that may be read and written.
    """

    resources: Resources
    paths: dict[str, list[str]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    signature: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def routes(self) -> list[tuple[str, str, Route]]:
        runs = re.escape(f"{SERVICES}/history/v1.0{self.resources.scope}/experiments/")
        run = rf"{runs}[^/]+/runs/(\w+)/artifacts"
        prefix = re.escape(f"{SERVICES}/artifact/v2.0{self.resources.scope}/artifacts/prefix/")
        logs = r"ExperimentRun/dcid\.[\w-]+/(?:user|system)_logs"
        folder = rf"{prefix}contentinfo/({logs}|LocalUpload/[\w-]+/.+)"
        blob = rf"{re.escape(STORAGE)}/{CONTAINER}/(.+)"
        return [
            ("GET", run, self._list),
            ("GET", f"{run}/contentinfo", self._content),
            ("POST", f"{run}/batch/metadata", self._announce),
            ("GET", folder, self._below),
            ("PUT", blob, self._put),
            ("GET", blob, self._get),
            ("HEAD", blob, self._get),
        ]

    def of(self, run_id: str) -> dict[str, bytes]:
        """The content of a run's artifacts."""
        return {path: self.blobs[_blob(run_id, path)] for path in self.paths.get(run_id, [])}

    def address(self, blob: str) -> str:
        """Where a blob may be read and written."""
        query = f"sv=2021-08-06&sr=b&sp=rw&sig={self.signature}"
        return f"https://{STORAGE}/{CONTAINER}/{quote(blob)}?{query}"

    def blob_at(self, address: str) -> str:
        """The name of the blob at an address."""
        return unquote(urlsplit(address).path).removeprefix(f"/{CONTAINER}/")

    def read(self, request: Request, content: bytes | None) -> Answer:
        """A blob's content, or the part of it that is asked for."""
        if content is None:
            raise blob_refused(404, "BlobNotFound", "The specified blob does not exist.")
        kind = "application/octet-stream"
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("x-ms-range", ""))
        if not asked:
            return Answer(content, 200, kind, blob_headers(content))
        first, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
        if first > last:
            raise blob_refused(416, "InvalidRange", "The range specified is invalid.")
        part = {**blob_headers(content), "Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return Answer(content[first : last + 1], 206, kind, part)

    def _list(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of({"value": [self._told(match[1], p) for p in self.paths.get(match[1], [])]})

    def _content(self, request: Request, match: re.Match[str]) -> Answer:
        path = request.query["path"]
        if path not in self.paths.get(match[1], []):
            message = f"ArtifactId ExperimentRun/dcid.{match[1]}/{path} not found."
            raise Refused(404, "UserError", message)
        return Answer.of(self._address(match[1], path))

    def _below(self, request: Request, match: re.Match[str]) -> Answer:
        """The addresses of what is below a folder of a run, or of what was uploaded."""
        origin, container, _ = match[1].split("/")
        found = [
            {
                "contentUri": self.address(blob),
                "origin": origin,
                "container": container,
                "path": blob.removeprefix(f"{origin}/{container}/"),
            }
            for blob in self.blobs
            if blob.startswith(f"{match[1]}/")
        ]
        return Answer.of({"value": found})

    def _announce(self, request: Request, match: re.Match[str]) -> Answer:
        run_id, there = match[1], self.paths.setdefault(match[1], [])
        asked = [one["path"] for one in request.json["paths"]]
        twice = {path: _conflict(run_id, path) for path in asked if path in there}
        made = [path for path in asked if path not in twice]
        there += made
        return Answer.of(
            {
                "artifacts": {path: self._told(run_id, path) for path in made},
                "artifactContentInformation": {path: self._address(run_id, path) for path in made},
                "errors": twice,
            }
        )

    def _told(self, run_id: str, path: str) -> dict[str, str]:
        container = f"dcid.{run_id}"
        number = f"ExperimentRun/{container}/{path}"
        return {
            "artifactId": number,
            "origin": "ExperimentRun",
            "container": container,
            "path": path,
        }

    def _address(self, run_id: str, path: str) -> dict[str, str]:
        return {**self._told(run_id, path), "contentUri": self.address(_blob(run_id, path))}

    def _put(self, request: Request, match: re.Match[str]) -> Answer:
        return self.write(request, self.blobs, match[1])

    def write(self, request: Request, blobs: dict[str, bytes], name: str) -> Answer:
        """Keeps a blob, as the storage does."""
        self.check_signed(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        assert headers["x-ms-blob-type"] == "BlockBlob"
        if headers.get("if-none-match") == "*" and name in blobs:
            raise blob_refused(409, "BlobAlreadyExists", "The specified blob already exists.")
        blobs[name] = request.body
        return Answer(b"", 201, headers=blob_headers(request.body))

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        self.check_signed(request)
        return self.read(request, self.blobs.get(match[1]))

    def check_signed(self, request: Request) -> None:
        """Refuses who has no signed address."""
        if request.query.get("sig") != self.signature:
            message = "Server failed to authenticate the request."
            raise blob_refused(403, "AuthenticationFailed", message)


def _blob(run_id: str, path: str) -> str:
    return f"ExperimentRun/dcid.{run_id}/{path}"


def _conflict(run_id: str, path: str) -> dict[str, Any]:
    message = f"Resource Conflict: ArtifactId {_blob(run_id, path)} already exists."
    return {"error": {"code": "UserError", "message": message}}


def blob_headers(content: bytes) -> dict[str, str]:
    """What storage tells of a blob."""
    tag = hashlib.sha256(content).hexdigest()[:16]
    return {
        "ETag": f'"0x{tag.upper()}"',
        "Last-Modified": formatdate(time.time(), usegmt=True),
        "x-ms-blob-type": "BlockBlob",
        "x-ms-request-server-encrypted": "true",
    }


def blob_refused(status: int, code: str, message: str) -> RefusedAs:
    """An error as storage words it."""
    told = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    text = f"<?xml version='1.0' encoding='utf-8'?>{told}"
    return RefusedAs(Answer(text.encode(), status, "application/xml", {"x-ms-error-code": code}))
