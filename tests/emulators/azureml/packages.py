"""Packages of a workspace (SDK v1): the image of an environment, and what puts a service's code in.

The image is built by a Docker engine and pushed to a registry; the client gets a build context of
a Dockerfile that begins with that image, and of the code. Microsoft's base image is not to be had:
a Debian with Python stands in for it, which does what is relied on. Python's packages are installed
with pip, as the environment's ``conda.yaml`` lists them.
Source: the payloads that azureml-core 1.61 reads, and "Package and deploy models" in
https://github.com/MicrosoftDocs/azure-ai-docs.
"""

import base64
import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.emulators.azureml.artifacts import Artifacts
from tests.emulators.azureml.registry import Registry
from tests.emulators.azureml.resources import SERVICES
from tests.emulators.azureml.services import Services
from tests.emulators.server import Answer, Request, Route

_DOCKERFILE = """\
FROM {image}
COPY azureml-app /var/azureml-app
RUN mv /var/azureml-app/{driver} /var/azureml-app/main.py
WORKDIR /var/azureml-app
CMD ["runsvdir", "/var/runit"]
"""


@dataclass(repr=False)
class Packages:
    """The packages of a workspace, and the images that they begin with.

    Attributes:
        services: The workspace's services, which know models and operations.
        artifacts: Whose blobs hold what is told of a package.
        registry: Where images are pushed to.
        build: Builds an image of a folder with a Dockerfile, by a name.
        environments: The environments of packages by name and version.
    """

    services: Services
    artifacts: Artifacts
    registry: Registry
    build: Callable[[Path, str], None]
    folder: Path
    environments: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def routes(self) -> list[tuple[str, str, Route]]:
        scope = self.artifacts.resources.scope
        management = re.escape(f"{SERVICES}/modelmanagement/v1.0{scope}")
        environment = re.escape(f"{SERVICES}/environment/v1.0{scope}")
        one = rf"{environment}/environments/([^/]+)/versions/([^/]+)"
        content = re.escape(f"{SERVICES}/artifact/v2.0{scope}/artifacts/contentinfo/")
        return [
            ("POST", f"{management}/packages", self._create),
            ("GET", one, self._get_environment),
            ("GET", f"{one}/image", self._get_image),
            ("GET", rf"{content}(LocalUpload/.+)", self._content),
        ]

    def _create(self, request: Request, match: re.Match[str]) -> Answer:
        asked = request.json
        assert asked["packageType"] == "DockerBuildContext"
        number = str(uuid.uuid4())
        operation = {
            "id": number,
            "operationType": "PackageDockerBuildContext",
            "operationLog": self.artifacts.address(f"packages/{number}/log"),
            "state": "Running",
            "error": None,
        }
        self.services.operations[number] = operation

        def work() -> None:
            try:
                manifest = self._package(asked["imageRequest"])
            except Exception as error:
                operation["state"] = "Failed"
                operation["error"] = {"statusCode": 400, "message": str(error)}
                return
            self.artifacts.blobs[f"packages/{number}"] = json.dumps(manifest).encode()
            operation["resourceLocation"] = self.artifacts.address(f"packages/{number}")
            operation["state"] = "Succeeded"

        operation["thread"] = threading.Thread(target=work, daemon=True)
        operation["thread"].start()
        where = f"https://{SERVICES}/modelmanagement/v1.0{self.artifacts.resources.scope}"
        return Answer(b"", 202, headers={"Operation-Location": f"{where}/operations/{number}"})

    def _package(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What a client is to make a build context of."""
        environment = asked["environment"]
        built_of = json.dumps([environment[part] for part in ("python", "docker")], sort_keys=True)
        version = hashlib.sha256(built_of.encode()).hexdigest()[:16]
        image = self._image(environment, version)
        self.environments[environment["name"], version] = {**environment, "version": version}
        folders, files = [], []
        for asset in asked["assets"]:
            entry = {"entryType": "remote", "uri": asset["url"], "path": "azureml-app"}
            if asset.get("unpack"):
                folders.append({**entry, "unpack": True})
            else:
                content = self.services.models.upload(asset["url"])
                files.append(_inline(f"azureml-app/{asset['id']}", content))
        dockerfile = _DOCKERFILE.format(image=image, driver=asked["driverProgram"])
        return {
            "context": [*folders, *files, _inline("Dockerfile", dockerfile.encode())],
            "environment": {"name": environment["name"], "version": version},
        }

    def _image(self, environment: dict[str, Any], version: str) -> str:
        """Builds the image of an environment, if it is not there, and returns its name."""
        name = f"{self.registry.address}/azureml/azureml_{version}"
        place = self.folder / version
        if place.exists():
            return name
        place.mkdir(parents=True)
        dependencies = environment["python"]["condaDependencies"]["dependencies"]
        (of_pip,) = [one["pip"] for one in dependencies if isinstance(one, dict)]
        (place / "requirements.txt").write_text("\n".join(of_pip))
        own = re.sub(r"(?m)^FROM .*\n", "", environment["docker"]["baseDockerfile"])
        stand_in = Path(__file__).parent / "container" / "Dockerfile"
        (place / "Dockerfile").write_text(stand_in.read_text() + own)
        self.build(place, name)
        return name

    def _get_environment(self, request: Request, match: re.Match[str]) -> Answer:
        return Answer.of(self.environments[match[1], match[2]])

    def _get_image(self, request: Request, match: re.Match[str]) -> Answer:
        assert (match[1], match[2]) in self.environments
        registry = {
            "address": self.registry.address,
            "username": self.registry.user,
            "password": self.registry.password,
        }
        image = {"name": f"azureml/azureml_{match[2]}", "registry": registry}
        return Answer.of({"dockerImage": image, "imageExistsInRegistry": True})

    def _content(self, request: Request, match: re.Match[str]) -> Answer:
        """The address of what was uploaded."""
        origin, container, path = match[1].split("/", 2)
        told = {"origin": origin, "container": container, "path": path}
        return Answer.of({**told, "contentUri": self.artifacts.address(match[1])})


def _inline(path: str, content: bytes) -> dict[str, Any]:
    encoded = base64.b64encode(content).decode()
    return {"entryType": "inline", "encoding": "base64", "content": encoded, "path": path}
