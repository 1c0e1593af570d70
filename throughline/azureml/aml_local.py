"""The target aml-local: the container of a web service on this machine's Docker engine."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azureml import scoring_client
from throughline.azureml.refusals import reason, refusals, undone_on_error
from throughline.azureml.served_environment import served_environment
from throughline.azureml.served_model import registered_copy, tags_of, version_in
from throughline.azureml.webservice import (
    READ_LINES,
    end_of_log,
    inference_config,
    service_name,
)
from throughline.deployment.engine import docker_engine, last_lines
from throughline.deployment.port import check_free
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetched
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Workspace
    from docker import DockerClient
    from docker.models.containers import Container

SERVED = "THROUGHLINE_SERVED"
"""The variable of a container that tells which version it serves."""
INSIDE = "5001/tcp"
HOST = "127.0.0.1"
_INTERRUPTED = "what was deployed may be changed; -P action=status tells of it"


@dataclass(frozen=True)
class Served:
    """A container, and the version that it was made for."""

    container: "Container"
    model: ModelVersion

    @property
    def port(self) -> int:
        """The port of this machine that it has, or would have."""
        (published,) = self.container.attrs["HostConfig"]["PortBindings"][INSIDE]
        return int(published["HostPort"])

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{HOST}:{self.port}"

    @property
    def holds_port(self) -> bool:
        """Whether it runs, and so nothing else has its port."""
        return str(self.container.status) == "running"

    @property
    def healthy(self) -> bool:
        """Whether its server answers."""
        import requests

        try:
            return self.holds_port and requests.get(self.url, timeout=10).ok
        except requests.RequestException:
            return False

    def ask(self, request: dict[str, Any]) -> Any:
        """Its predictions for a request in one of MLflow's JSON forms."""
        return scoring_client.ask(f"{self.url}{scoring_client.PATH}", "", request)

    def deployment(self, change: Any = "found") -> Deployment:
        """What a target tells of it."""
        log, path = f"docker logs {self.container.name}", scoring_client.PATH
        return Deployment(self.model, self.url, None, log, self.healthy, change, scoring_path=path)


class AmlLocalTarget:
    """Runs the image that Azure ML would serve a model by, built and started here.

    The workspace makes the recipe of the image; Docker pulls its base from the workspace's
    registry. Containers are found by the engine: what the SDK keeps of them itself names the entry
    script's folder, and counts as damaged once that is gone.

    Args:
        workspace: The workspace, where the model is registered too.
        engine: The engine.
        port: The port of this machine.
    """

    def __init__(self, workspace: "Workspace", engine: "DockerClient", port: int) -> None:
        self.workspace, self.engine, self.port = workspace, engine, port

    @classmethod
    def open(cls, connect: Callable[[], "Workspace"], port: int) -> "AmlLocalTarget":
        """Opens the target, once a Docker engine answers.

        Args:
            connect: Connects to the workspace.
            port: The port of this machine.

        Raises:
            UserError: No Docker engine answers, or there is no workspace.
        """
        engine = docker_engine()
        return cls(connect(), engine, port)

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the container serve this version; see ``DeploymentTarget.deploy``.

        A new version takes the place of the old one. If it does not come up or answers differently,
        the old one is started again.
        """
        with _refusals(f"to serve {model.uri}"):
            old = self._find(model.name)
            if old and (old.model, old.port) == (model, self.port) and old.healthy:
                return old.deployment("unchanged")
            if old is None or old.port != self.port or not old.holds_port:
                check_free(HOST, self.port)
            with fetched(model) as files:
                check = smoke_check(files, model.uri)
            started = time.monotonic()
            with undone_on_error(lambda: self._undo(model.name, old), _INTERRUPTED):
                made = self._start(model, self.port)
                answer = made.ask(check.request) if check else None
                scoring_client.compare(model, check, made.url, answer)
        change, seconds = "replaced" if old else "started", time.monotonic() - started
        return replace(made.deployment(change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if there is no container of it."""
        with _refusals(f"to tell what serves {name}"):
            found = self._find(name)
            return found.deployment() if found else None

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: No container runs, or it refuses the request.
        """
        with _refusals(f"to tell what serves {name}"):
            found = self._needed(name)
        return found.ask(request)

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the container's log.

        Raises:
            UserError: There is no container of this model.
        """
        with _refusals(f"to show the log of {name}"):
            return last_lines(self._needed(name).container, lines)

    def delete(self, name: str) -> Deployment | None:
        """Ends the container and removes it; its image stays."""
        with _refusals(f"to end what serves {name}"):
            if (found := self._find(name)) is None:
                return None
            found.container.remove(force=True)
            return replace(found.deployment(), healthy=False)

    def _find(self, model: str) -> Served | None:
        name = service_name(model)
        by_labels = {"label": ["amlIsService=True", f"containerName={name}"]}
        found = self.engine.containers.list(all=True, filters=by_labels)
        if not found:
            return None
        if found[1:]:
            names = " ".join(one.name for one in found)
            raise UserError(
                f"The service {name} has {len(found)} containers, as after two deployments at "
                f"once; end them with docker rm -f {names}, and deploy again."
            )
        (container,) = found
        served = version_in(_tags(container))
        if served is None:
            raise UserError(
                f"The container {container.name} of the service {name} is nothing of this project; "
                f"end it first with docker rm -f {container.name}."
            )
        if served.name != model:
            raise UserError(
                f"The service {name} serves another model, {served.name}; end that first with "
                f"-P action=stop -P model={served.name}."
            )
        return Served(container, served)

    def _needed(self, model: str) -> Served:
        if (found := self._find(model)) is None:
            raise UserError(f"No container serves {model}; deploy it first.")
        return found

    def _start(self, model: ModelVersion, port: int) -> Served:
        """Builds a version's image and starts it, in the place of what runs there."""
        from azureml.core import Model
        from azureml.core.webservice import LocalWebservice
        from azureml.exceptions import WebserviceException

        with fetched(model) as files:
            copy = registered_copy(self.workspace, model, Path(files))
            environment = served_environment(copy.name, Path(files))
        environment.environment_variables = {SERVED: json.dumps(tags_of(model))}
        made_of = LocalWebservice.deploy_configuration(port=port)
        with inference_config(model, environment) as config:
            name = service_name(model.name)
            made = Model.deploy(self.workspace, name, [copy], config, made_of)
            try:
                made.wait_for_deployment()
            except WebserviceException as error:
                shown = end_of_log(self.logs(model.name, READ_LINES))
                raise UserError(
                    f"The container of {model.uri} did not become healthy ({reason(error)}); its "
                    f"log ends: {shown}"
                ) from None
        return self._needed(model.name)

    def _undo(self, name: str, before: Served | None) -> str:
        """Brings back what was there before; returns what became of it, without a full stop."""
        found = self._find(name)
        if before and found == before:
            how = "serves still" if found.healthy else "is there still, and does not answer"
            return f"version {before.model.version} {how}"
        if found:
            found.container.remove(force=True)  # what was refused is not to go on
        if before is None:
            return "nothing is deployed, as before"
        self._start(before.model, before.port)
        return f"version {before.model.version} serves again"


@contextmanager
def _refusals(doing: str) -> Iterator[None]:
    from docker.errors import DockerException

    with refusals(doing):
        try:
            yield
        except DockerException as error:
            said = " ".join(str(error).split())
            raise UserError(f"Docker refuses {doing}: {said}.") from None


def _tags(container: "Container") -> dict[str, str]:
    """The tags of the version that a container was made for; none if it is not ours."""
    variables = (variable.partition("=") for variable in container.attrs["Config"]["Env"])
    found = next((value for name, _, value in variables if name == SERVED), "{}")
    tags: dict[str, str] = json.loads(found)
    return tags
