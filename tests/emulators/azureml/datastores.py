"""The default datastore of a workspace with its blobs, and datasets, which name some of them.

Source: the payloads of azureml-core 1.61, and the REST reference of Azure's storage of blobs.
"""

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import yaml

from tests.emulators.azureml.artifacts import STORAGE, Artifacts
from tests.emulators.azureml.cloud import Refused
from tests.emulators.azureml.resources import SERVICES
from tests.emulators.server import Answer, Request, Route

NAME = "workspaceblobstore"
CONTAINER = "azureml-blobstore"


@dataclass(repr=False)
class Datastores:
    """The one datastore, and the datasets.

    Attributes:
        artifacts: Whose signature the storage takes.
        blobs: The content of blobs by their paths on the datastore.
        datasets: The saved datasets by their ids, as they were sent.
    """

    artifacts: Artifacts
    blobs: dict[str, bytes] = field(default_factory=dict)
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        scope, host = re.escape(self.artifacts.resources.scope), re.escape(SERVICES)
        store = rf"{host}/datastore/v1\.0{scope}"
        container = rf"{re.escape(STORAGE)}/{CONTAINER}"
        return [
            ("GET", rf"{store}/default", self._told),
            ("GET", rf"{store}/datastores/{NAME}", self._told),
            ("POST", rf"{host}/dataset/v1\.0{scope}/saveddatasets", self._save),
            (
                "GET",
                rf"{host}/data/v1\.0{scope}/dataversion/unregistered-([\w-]+)/versions/1",
                self._dataflow,
            ),
            ("GET", container, self._list),
            ("PUT", f"{container}/(.+)", self._put),
            ("GET", f"{container}/(.+)", self._get),
            ("HEAD", f"{container}/(.+)", self._get),
        ]

    def files(self, dataset: str) -> dict[str, bytes]:
        """The content of the files of a dataset, by their paths below the datastore."""
        flow = yaml.safe_load(self._flow(dataset))
        assert flow["type"] == "mltable"
        found: dict[str, bytes] = {}
        for one in flow["paths"]:
            (pattern,) = one.values()
            path = pattern.partition(f"/datastores/{NAME}/paths/")[2].rstrip("/")
            assert path and "*" not in path, pattern
            found |= {
                name: content
                for name, content in self.blobs.items()
                if name == path or name.startswith(f"{path}/")
            }
        return found

    def _told(self, request: Request, match: re.Match[str]) -> Answer:
        storage = {
            "accountName": STORAGE.partition(".")[0],
            "containerName": CONTAINER,
            "endpoint": "core.windows.net",
            "protocol": "https",
            "credentialType": "Sas",
            "isSas": True,
            "sasToken": f"sv=2021-08-06&sr=c&sp=rwl&sig={self.artifacts.signature}",
        }
        return Answer.of(
            {"name": NAME, "dataStoreType": "AzureBlob", "azureStorageSection": storage}
        )

    def _save(self, request: Request, match: re.Match[str]) -> Answer:
        sent = request.json
        if sent["datasetType"] != "file":
            raise Refused(400, "UserError", f"Unknown type of dataset {sent['datasetType']}.")
        number = str(uuid.uuid4())
        self.datasets[number] = {**sent, "id": number}
        return Answer.of(self.datasets[number])

    def _dataflow(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of({"legacyDataflow": self._flow(match[1])})

    def _flow(self, dataset: str) -> str:
        return str(json.loads(self.datasets[dataset]["dataflowJson"])["meta"]["RsDataflow"])

    def _list(self, request: Request, match: re.Match[str]) -> Answer:
        self.artifacts.check_signed(request)
        assert request.query["comp"] == "list" and request.query["restype"] == "container"
        prefix = request.query.get("prefix", "")
        found = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Content-Length>{len(content)}"
            "</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>"
            for name, content in sorted(self.blobs.items())
            if name.startswith(prefix)
        )
        text = (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<EnumerationResults ContainerName="{CONTAINER}">'
            f"<Prefix>{escape(prefix)}</Prefix><Blobs>{found}</Blobs><NextMarker/>"
            "</EnumerationResults>"
        )
        return Answer(text.encode(), 200, "application/xml")

    def _put(self, request: Request, match: re.Match[str]) -> Answer:
        return self.artifacts.write(request, self.blobs, match[1])

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        self.artifacts.check_signed(request)
        return self.artifacts.read(request, self.blobs.get(match[1]))
