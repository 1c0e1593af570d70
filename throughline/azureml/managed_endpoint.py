"""The target aml-endpoint: a managed online endpoint, by MLflow's deployments plugin."""

import contextlib
import json
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from throughline.azure_identity import log_in
from throughline.azure_store import SCHEME, open_azure_store
from throughline.azureml import scoring_client
from throughline.azureml.refusals import raise_with, reason, refusals
from throughline.azureml.resource_manager import ResourceManager
from throughline.azureml.served_model import tags_of, version_in
from throughline.azureml.webservice import service_name, version_name
from throughline.deployment.plain_rows import NotPlain, as_table
from throughline.deployment.smoke import SmokeCheck, smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetch
from throughline.errors import UserError
from throughline.strict import Strict

if TYPE_CHECKING:
    from mlflow.deployments import BaseDeploymentClient

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
        client: The plugin's client of the workspace.
        manager: The resource manager, for what the plugin does not do.
        options: Which endpoint, and what new versions run on.
    """

    def __init__(
        self,
        client: "BaseDeploymentClient",
        manager: ResourceManager,
        options: ManagedEndpointOptions,
    ) -> None:
        self.client, self.manager, self.options = client, manager, options
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
        return cls(get_deploy_client(registry), ResourceManager(scope, log_in()), options)

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the endpoint serve this version; see ``DeploymentTarget.deploy``.

        A new version comes up beside the old one, without traffic, and has to answer rightly. Then
        it is given its share, and with all of the traffic the old one is removed. A version that
        does not come up, or answers differently, is removed itself.
        """
        with _refusals(f"to serve {model.uri}"):
            old = self._find(model.name)
            there = self._deployments(old)
            if old and self._serves(old, there, model):
                logger.info("%s serves %s already", _url(old), model.uri)
                return self._deployment(old, model, True, "unchanged")
            check = smoke_check(fetch(model))
            started = time.monotonic()
            with self._undone_on_error(model, old, there):
                if old is None:
                    self._make_endpoint(model)
                if not _healthy(there, model):
                    self._add(model, there)
                made = self._find(model.name) or {}
                self._check(made, model, check)
                self._give_traffic(made, model, list(there))
                made = self._find(model.name) or {}
        change, seconds = "replaced" if there else "started", time.monotonic() - started
        return replace(self._deployment(made, model, True, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if nothing does."""
        with _refusals(f"to tell what serves {name}"):
            found = self._find(name)
            there = self._deployments(found)
        served = _served(found, there) if found else None
        if found is None or served is None:
            return None
        return self._deployment(found, served, _healthy(there, served))

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: There is no endpoint, or it refuses the request.
        """
        if name not in self._addresses:
            with _refusals(f"to tell what serves {name}"):
                self._addresses[name] = self._address(self._needed(name))
        url, key = self._addresses[name]
        return scoring_client.answer_of(url, key, _as_input(request))

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the served version's log.

        Raises:
            UserError: There is no endpoint of this name.
        """
        with _refusals(f"to show the log of {name}"):
            found = self._needed(name)
            served = _served(found, self._deployments(found))
            return self._log(version_name(served), name, lines) if served else []

    def delete(self, name: str) -> Deployment | None:
        """Deletes the endpoint; returns what it was, or None if there was none."""
        with _refusals(f"to end what serves {name}"):
            found = self._find(name)
            if found is None:
                return None
            served = _served(found, self._deployments(found))
            self.client.delete_endpoint(self._name(name))
            self._addresses.pop(name, None)
        return self._deployment(found, served or ModelVersion(name, "none", "", ""), False)

    def _name(self, model: str) -> str:
        return self.options.endpoint or service_name(model)

    def _find(self, model: str) -> dict[str, Any] | None:
        from azure.core.exceptions import HttpResponseError

        name = self._name(model)
        try:
            found: dict[str, Any] = self.client.get_endpoint(name)
        except HttpResponseError as error:
            if error.status_code != 404:
                raise
            return None
        tagged = version_in(found.get("tags"))
        if tagged is None or tagged.name != model:
            raise UserError(
                f"The endpoint {name} serves something else, "
                f"{tagged.name if tagged else 'nothing of this project'}; give another name as "
                "-P target_options=endpoint=..."
            )
        return found

    def _needed(self, model: str) -> dict[str, Any]:
        if (found := self._find(model)) is None:
            raise UserError(f"There is no endpoint {self._name(model)}; deploy it first.")
        return found

    def _deployments(self, endpoint: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
        if endpoint is None:
            return {}
        return {one["name"]: one for one in self.client.list_deployments(endpoint["name"])}

    def _serves(
        self, endpoint: dict[str, Any], there: dict[str, dict[str, Any]], model: ModelVersion
    ) -> bool:
        share = self.options.traffic if len(there) > 1 else 100
        return _healthy(there, model) and _traffic(endpoint).get(version_name(model)) == share

    def _make_endpoint(self, model: ModelVersion) -> None:
        made_of = {
            "auth_mode": "key",
            "identity": {"type": "system_assigned"},
            "tags": tags_of(ModelVersion(model.name, "all", "", "")),
        }
        with _file(made_of) as path:
            self.client.create_endpoint(self._name(model.name), {"endpoint-config-file": path})

    def _add(self, model: ModelVersion, there: dict[str, dict[str, Any]]) -> None:
        endpoint, name = self._name(model.name), version_name(model)
        if name in there:
            self.client.delete_deployment(name, endpoint=endpoint)
        made_of = {
            "type": "managed",
            "instance_type": self.options.instance_type,
            "instance_count": self.options.instances,
        }
        with _file(made_of) as path:
            made = self.client.create_deployment(
                name, model.uri, config={"deploy-config-file": path}, endpoint=endpoint
            )
        if made["properties"].get("provisioningState") != "Succeeded":
            raise UserError(f"{model.uri} was not ready at the endpoint {endpoint} within an hour")

    def _check(
        self, endpoint: dict[str, Any], model: ModelVersion, check: SmokeCheck | None
    ) -> None:
        """Compares the version's own answer with the model's in process."""
        url, key = self._address(endpoint)
        only = {"azureml_model_deployment": version_name(model)}
        answer = None
        if check:
            answer = scoring_client.answer_of(url, key, _as_input(check.request), **only)
        scoring_client.compare(model, check, url, answer)

    def _give_traffic(
        self, endpoint: dict[str, Any], model: ModelVersion, before: list[str]
    ) -> None:
        """Gives a version its share, and the version before the rest; removes those with none."""
        new, share = version_name(model), self.options.traffic
        main = _main(endpoint)
        alone = main is None or main == new
        wanted = {new: 100} if alone else {new: share, str(main): 100 - share}
        self._set_traffic(model.name, {name: part for name, part in wanted.items() if part})
        for name in before:
            if not wanted.get(name):
                self.client.delete_deployment(name, endpoint=endpoint["name"])

    def _set_traffic(self, model: str, traffic: dict[str, int]) -> None:
        with _file({"traffic": traffic}) as path:
            self.client.update_endpoint(self._name(model), {"endpoint-config-file": path})

    def _address(self, endpoint: dict[str, Any]) -> tuple[str, str]:
        keys = self.manager.post(f"/onlineEndpoints/{endpoint['name']}/listKeys")
        return str(endpoint["properties"]["scoringUri"]), str(keys["primaryKey"])

    def _log(self, deployment: str, model: str, lines: int) -> list[str]:
        path = f"/onlineEndpoints/{self._name(model)}/deployments/{deployment}/getLogs"
        told = self.manager.post(path, {"containerType": "InferenceServer", "tail": lines})
        return [line.rstrip() for line in told["content"].splitlines() if line.strip()][-lines:]

    @contextmanager
    def _undone_on_error(
        self,
        model: ModelVersion,
        old: dict[str, Any] | None,
        there: dict[str, dict[str, Any]],
    ) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            shown = self._last_words(model)
            try:
                note = self._undo(model, old, there)
            except Exception as second:
                note = f"nor did what was there before come back ({reason(second)})"
            told = f"Version {model.version} was not deployed ({{}})"
            raise_with(error, f"{shown}{note}", told)
        except BaseException:
            logger.warning("Azure goes on with the change; -P action=status tells of it")
            raise

    def _last_words(self, model: ModelVersion) -> str:
        with contextlib.suppress(UserError):
            if lines := self._log(version_name(model), model.name, _SHOWN_LINES):
                return f"its log ends: {' | '.join(lines)}; "
        return ""

    def _undo(
        self,
        model: ModelVersion,
        old: dict[str, Any] | None,
        there: dict[str, dict[str, Any]],
    ) -> str:
        """Brings back what was there before; returns what became of it, without a full stop."""
        name = self._name(model.name)
        if old is None:
            self.client.delete_endpoint(name)
            return "nothing is deployed, as before"
        now = self._find(model.name) or {}
        if _traffic(now) != _traffic(old):
            self._set_traffic(model.name, _traffic(old))
        new = version_name(model)
        if new in self._deployments(now) and new not in there:
            self.client.delete_deployment(new, endpoint=name)
        if (served := _served(old, there)) is None:
            return "nothing is served, as before"
        return f"version {served.version} serves still"

    def _deployment(
        self, endpoint: dict[str, Any], model: ModelVersion, healthy: bool, change: Any = "found"
    ) -> Deployment:
        return Deployment(
            model,
            _url(endpoint).removesuffix(scoring_client.PATH),
            None,
            f"managed endpoint {endpoint['name']}, deployment {version_name(model)}",
            healthy,
            change,
            header=scoring_client.HEADER,
            scoring_path=scoring_client.PATH,
            table_key=TABLE,
        )


def _url(endpoint: dict[str, Any]) -> str:
    return str(endpoint["properties"].get("scoringUri", ""))


def _traffic(endpoint: dict[str, Any]) -> dict[str, int]:
    """The shares of the traffic, of deployments that have one."""
    shares = endpoint["properties"].get("traffic") or {}
    return {name: int(share) for name, share in shares.items() if share}


def _main(endpoint: dict[str, Any]) -> str | None:
    """The deployment with the most traffic."""
    shares = _traffic(endpoint)
    return max(shares, key=lambda name: shares[name], default=None)


def _served(endpoint: dict[str, Any], there: dict[str, dict[str, Any]]) -> ModelVersion | None:
    """The version with the most traffic; None if there is none."""
    deployment = there.get(_main(endpoint) or "")
    return _version(deployment) if deployment else None


def _healthy(there: dict[str, dict[str, Any]], model: ModelVersion) -> bool:
    """Whether this version is deployed, with or without traffic."""
    found = there.get(version_name(model))
    if not found or found["properties"].get("provisioningState") != "Succeeded":
        return False
    served = _version(found)
    return (served.name, served.version) == (model.name, model.version)


def _version(deployment: dict[str, Any]) -> ModelVersion:
    """The version of a deployment, by its path: .../models/NAME/versions/VERSION."""
    parts = str(deployment["properties"]["model"]).split("/")
    return ModelVersion(parts[-3], parts[-1], "", "")


def _as_input(request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {TABLE: as_table(request)}
    except NotPlain:
        raise UserError(
            "A managed endpoint takes rows with named columns; send them in one of MLflow's forms, "
            "dataframe_split, dataframe_records, instances or inputs."
        ) from None


@contextmanager
def _file(content: dict[str, Any]) -> Iterator[str]:
    """A file with a configuration, as the plugin takes one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        yield str(path)


def _refusals(doing: str) -> AbstractContextManager[None]:
    """As :func:`refusals`; the plugin raises MLflow's errors besides."""
    from mlflow.exceptions import MlflowException

    return refusals(doing, MlflowException)
