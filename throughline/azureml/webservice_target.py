"""What the targets of Azure ML's web services share: all but how a version comes in."""

import logging
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azureml import scoring_client, webservice
from throughline.azureml.refusals import refusals, undone_on_error
from throughline.azureml.served_environment import served_environment
from throughline.azureml.served_model import registered_copy, version_in
from throughline.azureml.webservice import inference_config, service_name, wait_for
from throughline.deployment.smoke import SmokeCheck, smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetched
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Environment, Model, Workspace
    from azureml.core.webservice import Webservice

logger = logging.getLogger(__name__)

_INTERRUPTED = "the workspace goes on with the change; -P action=status tells of it"
_REFUSED = "The service was refused ({})"


class WebserviceTarget(ABC):
    """Serves each model by a web service of its own, with a key.

    Args:
        workspace: The workspace.
        limit_seconds: How long a change may take; the workspace builds an image for the first.
    """

    def __init__(self, workspace: "Workspace", limit_seconds: float) -> None:
        self.workspace, self.limit_seconds = workspace, limit_seconds
        self._addresses: dict[str, tuple[str, str]] = {}
        """Of each model's service where it scores, and a key: to ask for them takes longer."""

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the service serve this version; see ``DeploymentTarget.deploy``."""
        with refusals(f"to serve {model.uri}"), ExitStack() as opened:
            old = self._find(model.name)
            if old and self._serves(old, model):
                logger.info("%s serves %s already", old.scoring_uri, model.uri)
                return self._deployment(old, model, "unchanged")
            if old and old.state == "Transitioning":
                raise UserError(
                    f"The service {old.name} is being changed already; deploy again when that is "
                    "done."
                )
            files = Path(opened.enter_context(fetched(model)))
            check = smoke_check(str(files), model.uri)
            copy = registered_copy(self.workspace, model, files)
            if old and self._is_broken(old, model):
                old.delete()
                old = None
            started = time.monotonic()
            with undone_on_error(lambda: self._undo(model, old), _INTERRUPTED, _REFUSED):
                made = self._find(model.name) if old else self._make(model, copy, files)
                if not self._runs(made, model):
                    self._put_in(made, model, copy, served_environment(copy.name, files))
                self._check(made, model, check)
                self._give_traffic(made, model)
        change, seconds = "replaced" if old else "started", time.monotonic() - started
        return replace(self._deployment(made, model, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if nothing does."""
        with refusals(f"to tell what serves {name}"):
            found = self._find(name)
        served = self._served(found) if found else None
        return self._deployment(found, served) if found and served else None

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: There is no service, or it refuses the request.
        """
        if name not in self._addresses:
            with refusals(f"to tell what serves {name}"):
                found = self._needed(name)
                self._addresses[name] = found.scoring_uri, found.get_keys()[0]
        url, key = self._addresses[name]
        return scoring_client.ask(url, key, request)

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the service's log.

        Raises:
            UserError: There is no service of this name.
        """
        with refusals(f"to show the log of {name}"):
            return webservice.last_lines(self._needed(name), lines)

    def delete(self, name: str) -> Deployment | None:
        """Deletes the service; returns what it was, or None if there was none.

        The models that were registered for it stay in the workspace.
        """
        with refusals(f"to end what serves {name}"):
            if (found := self._find(name)) is None:
                return None
            served = self._served(found) or ModelVersion(name, "none", "", "")
            found.delete()
            self._addresses.pop(name, None)
        return replace(self._deployment(found, served), healthy=False)

    @abstractmethod
    def _kind(self) -> type["Webservice"]:
        """The SDK's class of the service."""

    @abstractmethod
    def _served(self, found: Any) -> ModelVersion | None:
        """The version that a service answers with; None if none ever came up."""

    @abstractmethod
    def _runs(self, found: Any, model: ModelVersion) -> bool:
        """Whether a service has this version, with or without traffic, and it is healthy."""

    @abstractmethod
    def _is_broken(self, found: Any, model: ModelVersion) -> bool:
        """Whether a service is to be made anew, since nothing would come up in it."""

    @abstractmethod
    def _made_of(self, model: ModelVersion) -> Any:
        """What a new service is made of, as the SDK takes it."""

    @abstractmethod
    def _put_in(
        self, found: Any, model: ModelVersion, copy: "Model", environment: "Environment"
    ) -> None:
        """Makes a service run this version too, or in the place of the one before."""

    @abstractmethod
    def _undo(self, model: ModelVersion, old: Any) -> str:
        """Brings back what was there before; returns what became of it, without a full stop."""

    def _serves(self, found: Any, model: ModelVersion) -> bool:
        return self._runs(found, model)

    def _address(self, found: Any, model: ModelVersion) -> str:
        """Where this version alone answers."""
        return str(found.scoring_uri)

    def _give_traffic(self, found: Any, model: ModelVersion) -> None:  # noqa: B027 (may be empty)
        """Gives this version its share, where a service has several."""

    def _find(self, model: str) -> Any:
        """The model's service; None if there is none."""
        name = service_name(model)
        found = webservice.find_service(self.workspace, name, self._kind())
        tagged = version_in(found.tags) if found else None
        if found and (tagged is None or tagged.name != model):
            raise UserError(
                f"The service {name} of the workspace {self.workspace.name} serves something else, "
                f"{tagged.name if tagged else 'nothing of this project'}; delete it, or give the "
                "model another name."
            )
        return found

    def _make(self, model: ModelVersion, copy: "Model", files: Path) -> Any:
        from azureml.core import Model

        made_of = self._made_of(model)
        environment = served_environment(copy.name, files)
        with inference_config(model, environment) as config:
            made = Model.deploy(self.workspace, service_name(model.name), [copy], config, made_of)
        wait_for(made, self.limit_seconds)
        self._addresses.pop(model.name, None)
        return made

    def _check(self, found: Any, model: ModelVersion, check: SmokeCheck | None) -> None:
        """Compares the version's own answer with the model's in process."""
        url = self._address(found, model)
        answer = scoring_client.ask(url, found.get_keys()[0], check.request) if check else None
        scoring_client.compare(model, check, url, answer)

    def _needed(self, model: str) -> Any:
        if (found := self._find(model)) is None:
            raise UserError(
                f"The workspace {self.workspace.name} has no service of {model}; deploy it first."
            )
        return found

    def _deployment(self, found: Any, model: ModelVersion, change: Any = "found") -> Deployment:
        return Deployment(
            model,
            str(found.scoring_uri or "").removesuffix(scoring_client.PATH),
            None,
            f"service {found.name} of the workspace {self.workspace.name}",
            found.state == "Healthy",
            change,
            header=scoring_client.HEADER,
            scoring_path=scoring_client.PATH,
        )
