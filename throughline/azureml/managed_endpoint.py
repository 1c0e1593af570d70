"""The target aml-endpoint: a managed online endpoint, by MLflow's deployments plugin."""

import contextlib
import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from pydantic import Field

from throughline.azure_identity import log_in
from throughline.azure_store import SCHEME, open_azure_store
from throughline.azureml import scoring_client
from throughline.azureml.online_endpoints import OnlineEndpoint, OnlineEndpoints
from throughline.azureml.refusals import raise_with, reason, refusals
from throughline.azureml.resource_manager import ResourceManager
from throughline.azureml.served_model import tags_of, version_in
from throughline.azureml.webservice import service_name, version_name
from throughline.deployment.plain_rows import NotPlain, as_table
from throughline.deployment.smoke import SmokeCheck, smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetched
from throughline.errors import UserError
from throughline.strict import Strict

logger = logging.getLogger(__name__)

TABLE = "input_data"
"""What the scoring that Microsoft brings for MLflow's models calls a table."""
_SHOWN_LINES = 8


class ManagedEndpointOptions(Strict):
    """Which endpoint, and what a new version of it runs on.

    Attributes:
        endpoint: Its name, which nobody else in the region may have; by default the model's.
        instance_type: The size of the machines.
        instances: How many there are.
        traffic: The share of the requests that a new version gets, in percent; below 100 the
            version before stays, and answers the rest.
    """

    endpoint: str | None = Field(None, pattern=r"^[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]$")
    instance_type: str = "Standard_DS3_v2"
    instances: int = Field(1, ge=1)
    traffic: int = Field(100, ge=1, le=100)


class ManagedEndpointTarget:
    """Serves each model by a managed online endpoint, without a scoring script of ours.

    Args:
        endpoints: The workspace's endpoints.
        options: Which endpoint, and what new versions run on.
    """

    def __init__(self, endpoints: OnlineEndpoints, options: ManagedEndpointOptions) -> None:
        self.endpoints, self.options = endpoints, options
        self._addresses: dict[str, tuple[str, str]] = {}
        """Of each endpoint where it scores, and a key: to ask for them takes longer."""

    @classmethod
    def open(cls, options: ManagedEndpointOptions) -> "ManagedEndpointTarget":
        """Opens the target in the workspace whose registry MLflow uses.

        Raises:
            UserError: MLflow uses another registry, or nobody is logged in to Azure.
        """
        from mlflow import get_registry_uri
        from mlflow.deployments import get_deploy_client

        registry = get_registry_uri()
        if not registry.startswith(SCHEME):
            raise UserError(
                "A managed endpoint serves models of its workspace's own registry, and the "
                f"registry here is another ({registry.partition(':')[0]}); set MLFLOW_TRACKING_URI "
                "as python -m throughline.azureml prints it, and register the model there."
            )
        open_azure_store(registry)
        scope = registry[registry.index("/subscriptions/") :].partition("?")[0]
        manager = ResourceManager(scope, log_in())
        return cls(OnlineEndpoints(get_deploy_client(registry), manager), options)

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the endpoint serve this version; see ``DeploymentTarget.deploy``.

        A new version comes up beside the old one, without traffic, and has to answer rightly. Then
        it is given its share, and with all of the traffic the old one is removed. A version that
        does not come up, or answers differently, is removed itself.
        """
        with _refusals(f"to serve {model.uri}"):
            old = self._find(model.name)
            if old and self._serves(old, model):
                logger.info("%s serves %s already", old.url, model.uri)
                return self._deployment(old, model, "unchanged")
            with fetched(model) as files:
                check = smoke_check(files, model.uri)
            started = time.monotonic()
            with self._undone_on_error(model, old):
                self._bring_in(model, old)
                made = self._needed(model.name)
                self._check(made, model, check)
                self._give_traffic(made, model)
                made = self._needed(model.name)
        change = "replaced" if old and old.deployments else "started"
        seconds = time.monotonic() - started
        return replace(self._deployment(made, model, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if nothing does."""
        with _refusals(f"to tell what serves {name}"):
            found = self._find(name)
        return self._deployment(found, found.served) if found and found.served else None

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: There is no endpoint, or it refuses the request.
        """
        if name not in self._addresses:
            with _refusals(f"to tell what serves {name}"):
                found = self._needed(name)
                self._addresses[name] = found.url, self.endpoints.key(found.name)
        url, key = self._addresses[name]
        return scoring_client.answer_of(url, key, _as_input(request))

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the served version's log.

        Raises:
            UserError: There is no endpoint of this name.
        """
        with _refusals(f"to show the log of {name}"):
            found = self._needed(name)
            served = found.served
            return self.endpoints.log(found.name, version_name(served), lines) if served else []

    def delete(self, name: str) -> Deployment | None:
        """Deletes the endpoint; returns what it was, or None if there was none."""
        with _refusals(f"to end what serves {name}"):
            if (found := self._find(name)) is None:
                return None
            self.endpoints.delete(found.name)
            self._addresses.pop(name, None)
        served = found.served or ModelVersion(name, "none", "", "")
        return replace(self._deployment(found, served), healthy=False)

    def _name(self, model: str) -> str:
        return self.options.endpoint or service_name(model)

    def _find(self, model: str) -> OnlineEndpoint | None:
        found = self.endpoints.find(self._name(model))
        tagged = version_in(found.told.get("tags")) if found else None
        if found and (tagged is None or tagged.name != model):
            raise UserError(
                f"The endpoint {found.name} serves something else, "
                f"{tagged.name if tagged else 'nothing of this project'}; give another name as "
                "-P target_options=endpoint=..."
            )
        return found

    def _needed(self, model: str) -> OnlineEndpoint:
        if (found := self._find(model)) is None:
            raise UserError(f"There is no endpoint {self._name(model)}; deploy it first.")
        return found

    def _serves(self, found: OnlineEndpoint, model: ModelVersion) -> bool:
        share = self.options.traffic if len(found.deployments) > 1 else 100
        return found.runs(model) and found.traffic.get(version_name(model)) == share

    def _bring_in(self, model: ModelVersion, old: OnlineEndpoint | None) -> None:
        name = self._name(model.name)
        if old is None:
            self.endpoints.make(name, tags_of(ModelVersion(model.name, "all", "", "")))
        elif old.runs(model):
            return
        elif version_name(model) in old.deployments:
            self.endpoints.remove(name, version_name(model))
        self.endpoints.add(name, model, self.options.instance_type, self.options.instances)

    def _check(self, found: OnlineEndpoint, model: ModelVersion, check: SmokeCheck | None) -> None:
        """Compares the version's own answer with the model's in process."""
        key, answer = self.endpoints.key(found.name), None
        if check:
            only = {"azureml_model_deployment": version_name(model)}
            answer = scoring_client.answer_of(found.url, key, _as_input(check.request), **only)
        scoring_client.compare(model, check, found.url, answer)

    def _give_traffic(self, found: OnlineEndpoint, model: ModelVersion) -> None:
        """Gives a version its share, and the version before the rest; removes those with none."""
        new, share = version_name(model), self.options.traffic
        alone = found.main in (None, new)
        wanted = {new: 100} if alone else {new: share, str(found.main): 100 - share}
        self.endpoints.set_traffic(found.name, wanted)
        for name in found.deployments:
            if not wanted.get(name):
                self.endpoints.remove(found.name, name)

    @contextmanager
    def _undone_on_error(self, model: ModelVersion, old: OnlineEndpoint | None) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            shown = self._last_words(model)
            try:
                note = self._undo(model, old)
            except Exception as second:
                note = f"nor did what was there before come back ({reason(second)})"
            told = f"Version {model.version} was not deployed ({{}})"
            raise_with(error, f"{shown}{note}", told)
        except BaseException:
            logger.warning("Azure goes on with the change; -P action=status tells of it")
            raise

    def _last_words(self, model: ModelVersion) -> str:
        with contextlib.suppress(Exception):  # whatever it is, what was begun is to be undone
            name = self._name(model.name)
            if lines := self.endpoints.log(name, version_name(model), _SHOWN_LINES):
                return f"its log ends: {' | '.join(lines)}; "
        return ""

    def _undo(self, model: ModelVersion, old: OnlineEndpoint | None) -> str:
        """Brings back what was there before; returns what became of it, without a full stop."""
        name, new = self._name(model.name), version_name(model)
        if old is None:
            self.endpoints.delete(name)
            return "nothing is deployed, as before"
        now = self._needed(model.name)
        if now.traffic != old.traffic:
            self.endpoints.set_traffic(name, old.traffic)
        if new in now.deployments and new not in old.deployments:
            self.endpoints.remove(name, new)
        if (served := old.served) is None:
            return "nothing is served, as before"
        return f"version {served.version} serves still"

    def _deployment(
        self, found: OnlineEndpoint, model: ModelVersion, change: Any = "found"
    ) -> Deployment:
        return Deployment(
            model,
            found.url.removesuffix(scoring_client.PATH),
            None,
            f"managed endpoint {found.name}, deployment {version_name(model)}",
            found.runs(model),
            change,
            header=scoring_client.HEADER,
            scoring_path=scoring_client.PATH,
            table_key=TABLE,
        )


def _as_input(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {TABLE: as_table(request)}
    except NotPlain:
        raise UserError(
            "A managed endpoint takes rows with named columns; send them in one of MLflow's forms, "
            "dataframe_split, dataframe_records, instances or inputs."
        ) from None


def _refusals(doing: str) -> AbstractContextManager[None]:
    """As :func:`refusals`; the plugin raises MLflow's errors besides."""
    from mlflow.exceptions import MlflowException

    return refusals(doing, MlflowException)
