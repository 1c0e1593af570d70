"""The target aml-local: the container of a web service on this machine's Docker engine."""

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azureml import scoring_client
from throughline.azureml.refusals import raise_with, reason, refusals
from throughline.azureml.served_environment import served_environment
from throughline.azureml.served_model import registered_copy, version_in
from throughline.azureml.webservice import inference_config, last_lines, service_name
from throughline.deployment.engine import docker_engine
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetched
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.webservice import LocalWebservice

logger = logging.getLogger(__name__)


class AmlLocalTarget:
    """Runs the image that Azure ML would serve a model by, built and started here.

    The workspace makes the recipe of the image; Docker pulls its base from Microsoft's registry.

    Args:
        workspace: The workspace, where the model is registered too.
        port: The port of this machine.
    """

    def __init__(self, workspace: "Workspace", port: int) -> None:
        self.workspace, self.port = workspace, port

    @classmethod
    def open(cls, connect: Callable[[], "Workspace"], port: int) -> "AmlLocalTarget":
        """Opens the target, once a Docker engine answers.

        Args:
            connect: Connects to the workspace.
            port: The port of this machine.

        Raises:
            UserError: No Docker engine answers, or there is no workspace.
        """
        docker_engine().close()
        return cls(connect(), port)

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the container serve this version; see ``DeploymentTarget.deploy``.

        A new version takes the place of the old one. If it does not come up or answers differently,
        the old one is started again.
        """
        with refusals(f"to serve {model.uri}"):
            old = self._find(model.name)
            before = _served(old) if old else None
            if old and before == model and old.state == "running" and old.port == self.port:
                return self._deployment(old, model, "unchanged")
            with fetched(model) as files:
                check = smoke_check(files, model.uri)
            started = time.monotonic()
            try:
                made = self._start(model)
                answer = scoring_client.ask(made.scoring_uri, "", check.request) if check else None
                scoring_client.compare(model, check, made.scoring_uri, answer)
            except Exception as error:
                raise_with(error, self._undo(model, before))
        change, seconds = "replaced" if before else "started", time.monotonic() - started
        return replace(self._deployment(made, model, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if no container of ours runs."""
        with refusals(f"to tell what serves {name}"):
            found = self._find(name)
            served = _served(found) if found else None
        return self._deployment(found, served) if found and served else None

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: No container runs, or it refuses the request.
        """
        with refusals(f"to tell what serves {name}"):
            url = self._needed(name).scoring_uri
        return scoring_client.ask(url, "", request)

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the container's log.

        Raises:
            UserError: There is no container of this model.
        """
        with refusals(f"to show the log of {name}"):
            return last_lines(self._needed(name), lines)

    def delete(self, name: str) -> Deployment | None:
        """Ends the container and removes it; its image stays."""
        found = self.status(name)
        if found:
            with refusals(f"to end what serves {name}"):
                self._needed(name).delete()
        return replace(found, healthy=False) if found else None

    def _find(self, model: str) -> "LocalWebservice | None":
        from azureml.core.webservice import LocalWebservice

        found = LocalWebservice(self.workspace, service_name(model), must_exist=False)
        if found.state == LocalWebservice.STATE_UNKNOWN:
            return None
        if (served := _served(found)) and served.name != model:
            raise UserError(
                f"The container {found.name} serves another model, {served.name}; end that first "
                f"with -P action=stop -P model={served.name}."
            )
        return found

    def _needed(self, model: str) -> "LocalWebservice":
        if (found := self._find(model)) is None:
            raise UserError(f"No container serves {model}; deploy it first.")
        return found

    def _start(self, model: ModelVersion) -> "LocalWebservice":
        """Builds a version's image and starts it, in the place of what runs there."""
        from azureml.core import Model
        from azureml.core.webservice import LocalWebservice

        with fetched(model) as files:
            copy = registered_copy(self.workspace, model, Path(files))
            environment = served_environment(copy.name, Path(files))
        made_of = LocalWebservice.deploy_configuration(port=self.port)
        with inference_config(model, environment) as config:
            made = Model.deploy(self.workspace, service_name(model.name), [copy], config, made_of)
            made.wait_for_deployment()
        return made

    def _undo(self, model: ModelVersion, before: ModelVersion | None) -> str:
        if before:
            try:
                self._start(before)
            except Exception as error:
                return f"nor did version {before.version} come back: {reason(error)}"
            return f"version {before.version} serves again"
        with contextlib.suppress(UserError):
            self._needed(model.name).delete()
        return "nothing is deployed, as before"

    def _deployment(
        self, found: "LocalWebservice", model: ModelVersion, change: Any = "found"
    ) -> Deployment:
        return Deployment(
            model,
            str(found.scoring_uri).removesuffix(scoring_client.PATH),
            None,
            f"docker logs {found.name}",
            found.state == "running",
            change,
            scoring_path=scoring_client.PATH,
        )


def _served(found: "LocalWebservice") -> ModelVersion | None:
    """The version that a container was made for: the SDK keeps its models in the labels."""
    models = getattr(found, "_models_remote", [])
    return version_in(models[0].tags) if models else None
