"""Web services of a workspace (SDK v1): on container instances, and on a Kubernetes cluster.

What is uploaded runs in containers. A call that changes a service answers at once with an
operation, whose state is asked for; it is told when the containers serve, or have ended. The parts
of an endpoint on Kubernetes are versions, which share the traffic; what no version claims goes to
the default one.
Source: "Deploy models to Azure Kubernetes Service", "Update deployed web services" in
https://github.com/MicrosoftDocs/azure-ai-docs, and the payloads of azureml-core 1.61.
"""

import io
import json
import re
import tarfile
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulators.azureml.computes import Computes
from tests.emulators.azureml.containers import Container
from tests.emulators.azureml.models import Models
from tests.emulators.azureml.resources import SERVICES
from tests.emulators.azureml.service import CLUSTER, INSTANCES, Service
from tests.emulators.azureml.service_failures import crashed, exists, mistake, refused, unavailable
from tests.emulators.server import Answer, Request, Route

TAKEN = "a-name-of-others"
"""A name that is not to be had."""


@dataclass(repr=False)
class Services:
    """The services of a workspace.

    Attributes:
        models: Its models.
        folder: Where the files of containers are.
        computes: Its computes, Kubernetes clusters among them.
        cores: How many there are left.
        stuck: Whether operations never end.
        skewed: The versions of registered models whose answers are turned around.
    """

    models: Models
    computes: Computes
    folder: Path
    cores: float = 100
    stuck: bool = False
    skewed: set[str] = field(default_factory=set)
    services: dict[str, Service] = field(default_factory=dict)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        scope = self.models.resources.scope
        management = re.escape(f"{SERVICES}/modelmanagement/v1.0{scope}")
        one = rf"{management}/services/([\w-]+)"
        return [
            ("POST", rf"{management}/services/validate/name/([\w-]+)", self._validate_name),
            ("POST", rf"{management}/services/validate/resource", self._validate_resource),
            ("POST", rf"{management}/services/validate", self._validate),
            ("POST", rf"{management}/services", self._create),
            ("GET", one, self._get),
            ("PATCH", one, self._patch),
            ("DELETE", one, self._delete),
            ("POST", rf"{one}/listkeys", self._list_keys),
            ("GET", rf"{one}/logs", self._logs),
            ("GET", rf"{management}/operations/([\w-]+)", self._operation),
            ("POST", rf"([\w-]+)\.{re.escape(INSTANCES)}/score", self._score_instance),
            ("POST", rf"{re.escape(CLUSTER)}/api/v1/service/([\w-]+)/score", self._score_cluster),
            (
                "POST",
                rf"{re.escape(CLUSTER)}/api/v1/service/([\w-]+)/([\w-]+)/score",
                self._score_version,
            ),
        ]

    def stop(self) -> None:
        """Ends all containers."""
        for name in list(self.services):
            self.services.pop(name).end()

    def _validate_name(self, request: Request, match: re.Match[str]) -> Answer:
        if match[1] in self.services:
            return mistake("ServiceAlreadyExists", exists(match[1]))
        return Answer.of({})

    def _validate_resource(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of({})

    def _validate(self, request: Request, match: re.Match[str]) -> Answer:
        asked = request.json
        assert asked["type"] in ("Create", "Update", "Delete")
        if asked["serviceName"] == TAKEN:
            return mistake("BadRequest", f"The service name {TAKEN} is reserved.")
        return Answer.of({})

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        asked = request.json
        assert asked["computeType"] in ("ACI", "AKSENDPOINT")
        name = asked["name"]
        if name in self.services and not asked.get("overwrite"):
            raise refused(409, "Conflict", exists(name))
        there = self.computes.attached
        if asked["computeType"] == "AKSENDPOINT" and asked["computeName"] not in there:
            raise refused(404, "ComputeNotFound", f"Compute {asked['computeName']} not found.")
        made = self.services[name] = Service(asked)
        for version, of_it in asked.get("versions", {}).items():
            made.versions[version] = Service(of_it)
        if len(made.versions) == 1:
            (only,) = made.versions.values()
            only.asked |= {"isDefault": True, "type": "Control"}
        parts = list(made.versions.values()) or [made]
        return self._begin("Create", made, lambda: self._run(made, parts))

    def _get(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self._named(match).told(match[1], self.models.models))

    def _patch(self, request: Request, match: re.Match[str]) -> Answer:
        service = self._named(match)
        before, parts = set(service.versions), []
        for change in json.loads(request.body):
            keys = change["path"].strip("/").split("/")
            if keys[0] == "versions":
                part = self._change_version(service, keys[1:], change)
            else:
                part = self._change(service, keys, change)
            if part and part not in parts:
                parts.append(part)
        total = sum(v.asked.get("trafficPercentile") or 0 for v in service.versions.values())
        if total > 100:
            for name in set(service.versions) - before:
                del service.versions[name]
            raise refused(400, "BadRequest", "The sum of the traffic of versions is above 100.")
        return self._begin("Update", service, lambda: self._run(service, parts))

    def _change(self, service: Service, keys: list[str], change: dict[str, Any]) -> Service | None:
        assert keys[0] in ("environmentImageRequest", "kvTags", "properties"), keys
        if keys[0] == "properties":
            service.asked["properties"][keys[1]] = change["value"]
            return None
        service.asked[keys[0]] = change["value"]
        return service if keys[0] == "environmentImageRequest" else None

    def _change_version(
        self, service: Service, keys: list[str], change: dict[str, Any]
    ) -> Service | None:
        name = keys[0]
        if change["op"] == "add":
            made = service.versions[name] = Service(change["value"])
            return made
        if name not in service.versions:
            raise refused(404, "NoSuchVersion", f"Version {name} not found.")
        if change["op"] == "remove":
            if service.versions[name].asked.get("isDefault"):
                raise refused(400, "BadRequest", f"Version {name} is the default one.")
            service.versions.pop(name).end()
            return None
        assert keys[1] in ("isDefault", "type", "trafficPercentile"), keys
        service.versions[name].asked[keys[1]] = change["value"]
        return None

    def _delete(self, request: Request, match: re.Match[str]) -> Answer:
        self._named(match)
        self.services.pop(match[1]).end()
        return Answer(b"", 200)

    def _list_keys(self, request: Request, match: re.Match[str]) -> Answer:
        primary, secondary = self._named(match).keys
        return Answer.of({"primaryKey": primary, "secondaryKey": secondary})

    def _logs(self, request: Request, match: re.Match[str]) -> Answer:
        service = self._named(match)
        containers = [s.container for s in (service, *service.versions.values()) if s.container]
        lines = int(request.query["tail"])
        return Answer.of({"content": "\n".join(c.log(lines) for c in containers)})

    def _operation(self, request: Request, match: re.Match[str]) -> Answer:
        """Answers when the operation has ended: who asks need not ask again and again."""
        operation = self.operations[match[1]]
        if not self.stuck:
            operation["thread"].join()
        shown = {key: value for key, value in operation.items() if key != "thread"}
        return Answer.of(shown)

    def _score_instance(self, request: Request, match: re.Match[str]) -> Answer:
        found = [s for s in self.services.values() if s.host == match[1]]
        return self._score(request, found[0] if found else None, found[0] if found else None)

    def _score_cluster(self, request: Request, match: re.Match[str]) -> Answer:
        service = self.services.get(match[1])
        return self._score(request, service, service.drawn() if service else None)

    def _score_version(self, request: Request, match: re.Match[str]) -> Answer:
        service = self.services.get(match[1])
        return self._score(request, service, service.versions.get(match[2]) if service else None)

    def _score(self, request: Request, service: Service | None, part: Service | None) -> Answer:
        if service is None or part is None or part.state != "Healthy":
            return Answer(b"no healthy upstream", 503, "text/plain")
        kind, _, key = request.headers.get("Authorization", "").partition(" ")
        if service.asked.get("authEnabled", True) and (kind != "Bearer" or key not in service.keys):
            return Answer(b"Unauthorized", 401, "text/plain")
        answer = part.container.score(request)
        if (part.asked["kvTags"] or {}).get("throughline.version") in self.skewed:
            told = json.loads(answer.body)
            return Answer.of({"predictions": told["predictions"][::-1]})
        return answer

    def _begin(self, kind: str, service: Service, do: Any) -> Answer:
        number = str(uuid.uuid4())
        operation = {"id": number, "operationType": kind, "state": "Running", "error": None}
        self.operations[number] = operation

        def work() -> None:
            error = do() if not self.stuck else None
            operation["error"] = error
            details = {"subOperationType": "DeployService", "subOperationState": "Failed"}
            operation["operationDetails"] = details if error else None
            if not self.stuck:
                operation["state"] = "Failed" if error else "Succeeded"

        operation["thread"] = threading.Thread(target=work, daemon=True)
        operation["thread"].start()
        where = f"https://{SERVICES}/modelmanagement/v1.0{self.models.resources.scope}"
        return Answer(b"", 202, headers={"Operation-Location": f"{where}/operations/{number}"})

    def _run(self, service: Service, parts: list[Service]) -> dict[str, Any] | None:
        """Brings the containers of parts up; returns what went wrong."""
        for part in parts:
            if part.asked["containerResourceRequirements"]["cpu"] > self.cores:
                error = unavailable(part.asked["computeType"])
            else:
                part.end()
                part.container = self._container(part.asked["environmentImageRequest"])
                part.container.start()
                error = None if part.container.wait() else crashed()
            part.state, part.error = ("Failed", error) if error else ("Healthy", None)
            if error and (part is service or len(service.versions) == 1):
                service.state, service.error = "Failed", error
            if error:
                return error
        service.state, service.error = "Healthy", None
        return None

    def _container(self, image: dict[str, Any]) -> Container:
        folder = self.folder / uuid.uuid4().hex[:8]
        (folder / "app").mkdir(parents=True)
        for asset in image["assets"]:
            content = self.models.upload(asset["url"])
            if asset.get("unpack"):
                with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                    archive.extractall(folder / "app", filter="data")
            else:
                (folder / "app" / asset["id"]).write_bytes(content)
        (model,) = image["modelIds"]
        environment = image["environment"]
        assert "azureml-inference-server-http" in json.dumps(environment["python"])
        variables = dict(environment["environmentVariables"])
        variables["AZUREML_MODEL_DIR"] = str(self.models.put(model, folder / "models"))
        return Container(folder, variables)

    def _named(self, match: re.Match[str]) -> Service:
        if match[1] not in self.services:
            message = f"Service with name {match[1]} not found."
            raise refused(404, "NoSuchService", message)
        return self.services[match[1]]
