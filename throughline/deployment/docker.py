"""The docker target: a model's image in a container that outlives the step that started it."""

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.deployment.client import EndpointClient
from throughline.deployment.engine import docker_engine, last_lines
from throughline.deployment.launch import LOAD_SECONDS
from throughline.deployment.limits import BODY_MB, BODY_SECONDS, IN_FLIGHT, Limits
from throughline.deployment.served_image import build_image, docker_name, image_name
from throughline.deployment.smoke import SmokeCheck, smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.token import HEADER, TOKEN, fingerprint
from throughline.deployment.versions import fetched
from throughline.errors import UserError

if TYPE_CHECKING:
    from docker.models.containers import Container

logger = logging.getLogger(__name__)

LABEL = "throughline.model"
INSIDE = "8080/tcp"
HOST = "127.0.0.1"
TOKEN_LABEL = "throughline.token"  # noqa: S105 (the name of a label)
LIMITS_LABEL = "throughline.limits"
TRIAL, BEFORE = ".trial", ".before"
"""Ends of containers' names, with what no model's name there has in it."""
SETTINGS = (TOKEN, BODY_MB, BODY_SECONDS, IN_FLIGHT)
"""Variables that a container's server has of whoever deploys."""


class DockerTarget:
    """Serves each model in a container of its own, published on 127.0.0.1.

    The engine remembers what is deployed: a container's labels name its model version.

    Args:
        port: The port of this machine to serve on.
    """

    def __init__(self, port: int) -> None:
        self.engine = docker_engine()
        self.port = port

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the port serve this version; see ``DeploymentTarget.deploy``.

        A new version first has to answer rightly on a port of its own. Only then does it take the
        place of the old one, which comes back if the new one does not.
        """
        old = self._serving(model.name)
        if old and self._serves(old, model) and _healthy(old):
            logger.info("%s already serves %s; left alone", _url_of(old), model.uri)
            return _deployment(old, "unchanged")
        with fetched(model) as files:
            logger.info("building the image %s", image_name(model))
            image = build_image(self.engine, model, Path(files))
            check = smoke_check(files, model.uri)
        self._try(model, image, check)
        try:
            if old and old.name == _container_name(model.name):
                self._clear(model.name, BEFORE)
                old.rename(_container_name(model.name, BEFORE))
            if old:
                old.stop()
            new = self._start(model, image, self.port)
            seconds = _wait(new)
        except BaseException as error:
            note = self._put_back(old, model.name)
            if isinstance(error, UserError):
                raise UserError(f"{error}; {note}") from error
            logger.error("%s", note)
            raise
        if old:
            old.remove(force=True)
        return _deployment(new, "replaced" if old else "started", seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if no container of ours runs."""
        container = self._serving(name)
        return _deployment(container) if container else None

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: No container runs, or it refuses the request.
        """
        return EndpointClient(_url_of(self._needed(name))).predict(request)

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the container's log.

        Raises:
            UserError: There is no container of this model.
        """
        return last_lines(self._needed(name, ended=True), lines)

    def delete(self, name: str) -> Deployment | None:
        """Ends the container and removes it; its image stays."""
        found = self.status(name)
        for part in ("", BEFORE):
            self._clear(name, part)
        return found

    def _serving(self, name: str) -> "Container | None":
        """What runs: the one before, where a replacement was killed before its own ran."""
        return self._container(name) or self._container(name, BEFORE)

    def _container(self, name: str, part: str = "", ended: bool = False) -> "Container | None":
        found = self.engine.containers.list(all=ended, filters={"label": f"{LABEL}={name}"})
        return next((c for c in found if c.name == _container_name(name, part)), None)

    def _serves(self, container: "Container", model: ModelVersion) -> bool:
        token = container.labels.get(TOKEN_LABEL, "")
        served = (_version_of(container), _port_of(container), token, _limits_of(container))
        return served == (model, self.port, fingerprint(), str(Limits.from_environment()))

    def _needed(self, name: str, ended: bool = False) -> "Container":
        container = self._serving(name) or self._container(name, ended=ended)
        if container is None:
            raise UserError(f"no container serves {name}; deploy it first")
        return container

    def _try(self, model: ModelVersion, image: str, check: SmokeCheck | None) -> None:
        """Starts the version on a free port, compares an answer with the model's, and ends it."""
        container = self._start(model, image, None)
        try:
            _wait(container)
            if check is None:
                logger.warning("%s has no input example; its answers are not checked", model.uri)
                return
            answer = EndpointClient(_url_of(container)).predict(check.request)
            if not check.agrees(answer):
                raise UserError(
                    f"the image {image} answered {str(answer)[:200]} to the input example of "
                    f"{model.uri} where the model in process gives "
                    f"{str(check.predictions)[:200]}; it was not deployed"
                )
        finally:
            container.remove(force=True)

    def _start(self, model: ModelVersion, image: str, port: int | None) -> "Container":
        from docker.errors import APIError

        labels = {LABEL: model.name, "throughline.version": model.version}
        labels |= {"throughline.run_id": model.run_id, "throughline.source": model.source}
        labels |= {TOKEN_LABEL: fingerprint(), LIMITS_LABEL: str(Limits.from_environment())}
        part = "" if port else TRIAL
        self._clear(model.name, part)
        container = self.engine.containers.create(
            image,
            name=_container_name(model.name, part),
            labels=labels,
            ports={INSIDE: (HOST, port)},
            environment={name: os.environ[name] for name in SETTINGS if name in os.environ},
            init=True,
        )
        try:
            container.start()
        except APIError as error:
            container.remove(force=True)
            raise UserError(
                f"the container of {model.uri} could not take port {port}: {error.explanation}"
            ) from None
        return container

    def _clear(self, name: str, part: str = "") -> None:
        """Removes a model's container, whether it runs or not."""
        if stale := self._container(name, part, ended=True):
            stale.remove(force=True)

    def _put_back(self, old: "Container | None", name: str) -> str:
        if old:
            old.reload()
        if old is None or old.name != _container_name(name):
            self._clear(name)
        if old is None:
            return "nothing was deployed before"
        if old.name != _container_name(name):
            old.rename(_container_name(name))
        old.start()
        return f"version {_version_of(old).version} serves again"


def _container_name(name: str, part: str = "") -> str:
    return docker_name(name) + part


def _version_of(container: "Container") -> ModelVersion:
    found = container.labels
    rest = (found.get(f"throughline.{part}", "") for part in ("version", "run_id", "source"))
    return ModelVersion(found[LABEL], *rest)


def _limits_of(container: "Container") -> str:
    return str(container.labels.get(LIMITS_LABEL, Limits()))  # older containers have no label


def _port_of(container: "Container") -> int | None:
    container.reload()
    published = container.ports.get(INSIDE)
    return int(published[0]["HostPort"]) if published else None


def _url_of(container: "Container") -> str:
    return f"http://{HOST}:{_port_of(container)}"


def _healthy(container: "Container") -> bool:
    return EndpointClient(_url_of(container)).pid() is not None


def _wait(container: "Container", seconds: float = LOAD_SECONDS) -> float:
    """Waits until the container's server answers; returns how long that took, in seconds."""
    started = time.monotonic()
    while not _healthy(container):
        if container.status != "running":
            said = " | ".join(last_lines(container, 8)) or "nothing"
            raise UserError(f"the container {container.name} ended as it started and said: {said}")
        if time.monotonic() - started > seconds:
            said = " | ".join(last_lines(container, 8)) or "nothing"
            raise UserError(f"{container.name} did not answer within {seconds:g} s: {said}")
        time.sleep(0.1)
    return time.monotonic() - started


def _deployment(
    container: "Container", change: Any = "found", seconds: float | None = None
) -> Deployment:
    url, log = _url_of(container), f"docker logs {container.name}"
    model, healthy = _version_of(container), _healthy(container)
    token = container.labels.get(TOKEN_LABEL, "")
    header = HEADER if token else ""
    limits = _limits_of(container)
    return Deployment(
        model, url, None, log, healthy, change, seconds, header, token=token, limits=limits
    )
