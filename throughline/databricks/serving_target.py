"""The target databricks: a serving endpoint of the workspace."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from throughline.databricks import serving_endpoint as endpoints
from throughline.databricks.serving_endpoint import Version, endpoint_name
from throughline.databricks.workspace import open_workspace, workspace_errors
from throughline.deployment.smoke import SmokeCheck, smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetched
from throughline.errors import UserError
from throughline.login import without_login

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.serving import ServingEndpointDetailed

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 300
"""How long an answer may take; an endpoint that slept starts for the first request."""
HEADER = "Authorization: Bearer $DATABRICKS_TOKEN"
"""What a request by hand needs, as a shell fills it in."""


class DatabricksTarget:
    """Serves each model at an endpoint of a Databricks workspace, one per model name.

    Args:
        client: The workspace's client.
        poll_seconds: How often a change's state is asked for.
        limit_seconds: How long a change may take; the workspace builds an image for it.
    """

    def __init__(
        self, client: "WorkspaceClient", poll_seconds: float = 10.0, limit_seconds: float = 3600.0
    ) -> None:
        self.client = client
        self.host = str(client.config.host).rstrip("/")
        self.poll_seconds, self.limit_seconds = poll_seconds, limit_seconds

    @classmethod
    def open(cls) -> "DatabricksTarget":
        """Opens the target in the workspace that the environment or a profile names.

        Raises:
            UserError: No workspace is configured, it does not answer, or it refuses the token.
        """
        return cls(open_workspace(ANSWER_SECONDS))

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the endpoint serve this version; see ``DeploymentTarget.deploy``.

        The workspace brings the new version up beside the old one, which answers until then. If
        the new one answers differently from the model in process, the old one is put back. An
        endpoint that is new is deleted if its version does not come up or answers differently.
        """
        _check_registry()
        wanted = Version(model.name, model.version)
        with workspace_errors(self.host):
            found = self._find(model.name)
            if found and self._serves(found, wanted):
                logger.info("%s serves %s already", self._url(model.name), model.uri)
                return self._deployment(found, model, "unchanged")
            if found:
                self._check_free(found, wanted)
        with fetched(model) as files:
            check = smoke_check(files, model.uri)
        started = time.monotonic()
        with workspace_errors(self.host):
            if found is None:
                self._change(wanted, None)  # if that is refused there is nothing to undo
            with self._undone_on_error(wanted, found):
                if found and endpoints.is_changing(found):
                    logger.info("the change to version %s is under way already", model.version)
                elif found:
                    self._change(wanted, found)
                made = self._wait(wanted)
                seconds = time.monotonic() - started
                self._compare(model, check)
        change = "replaced" if found and endpoints.served_of(found) else "started"
        return replace(self._deployment(made, model, change), startup_seconds=seconds)

    def status(self, name: str) -> Deployment | None:
        """Tells what serves the model now; None if nothing does."""
        with workspace_errors(self.host):
            found = self._find(name)
        served = endpoints.served_of(found) if found else None
        if found is None or served is None:
            return None
        return self._deployment(found, ModelVersion(name, served.version, "", ""))

    def predict(self, name: str, request: dict[str, Any]) -> Any:
        """Sends a request in one of MLflow's JSON forms and returns its predictions.

        Raises:
            UserError: There is no endpoint, or it refuses the request.
        """
        path = f"/serving-endpoints/{endpoint_name(name)}/invocations"
        with workspace_errors(self.host):
            answer = self.client.api_client.do("POST", path, body=request)
        if not isinstance(answer, dict) or "predictions" not in answer:
            raise UserError(f"{self._url(name)} answered without predictions; look at its log.")
        return answer["predictions"]

    def logs(self, name: str, lines: int = 50) -> list[str]:
        """Returns the last lines of the served version's log.

        Raises:
            UserError: There is no endpoint of this name.
        """
        with workspace_errors(self.host):
            found = self._find(name)
            entity = endpoints.newest_entity(found) if found else None
            if entity is None:
                raise UserError(f"There is no endpoint of {name} in {self.host}; deploy it first.")
            served = str(entity.name)
            text = self.client.serving_endpoints.logs(endpoint_name(name), served).logs
        return text.splitlines()[-lines:]

    def delete(self, name: str) -> Deployment | None:
        """Deletes the endpoint; returns what it was, or None if there was none."""
        with workspace_errors(self.host):
            found = self._find(name)
            if found is None:
                return None
            self.client.serving_endpoints.delete(endpoint_name(name))
        entity = endpoints.newest_entity(found)
        version = str(entity.entity_version) if entity else "none"
        deployment = self._deployment(found, ModelVersion(name, version, "", ""))
        return replace(deployment, healthy=False)

    def _find(self, model: str) -> "ServingEndpointDetailed | None":
        from databricks.sdk.errors import NotFound

        name = endpoint_name(model)
        try:
            found = self.client.serving_endpoints.get(name)
        except NotFound:
            return None
        entity = endpoints.newest_entity(found)
        if entity and entity.entity_name != model:
            raise UserError(
                f"The endpoint {name} in {self.host} serves something else, "
                f"{entity.entity_name or 'no registered model'}; delete it, or give the model "
                "another name."
            )
        return found

    def _serves(self, found: "ServingEndpointDetailed", wanted: Version) -> bool:
        quiet = endpoints.is_ready(found) and not endpoints.is_changing(found)
        return quiet and not endpoints.is_split(found) and endpoints.served_of(found) == wanted

    def _check_free(self, found: "ServingEndpointDetailed", wanted: Version) -> None:
        pending = endpoints.pending_of(found)
        if pending and pending != wanted:
            raise UserError(
                f"The endpoint {found.name} is being changed to version {pending.version}; deploy "
                "again when that is done."
            )
        if endpoints.is_split(found):
            raise UserError(
                f"The endpoint {found.name} splits its traffic among several versions; end that "
                f"at {self._page(wanted.model)} first."
            )

    def _change(self, wanted: Version, old: "ServingEndpointDetailed | None") -> None:
        from databricks.sdk.service.serving import EndpointCoreConfigInput

        name, entity = endpoint_name(wanted.model), endpoints.entity_for(wanted, old)
        traffic = endpoints.all_traffic_to(entity)
        if old:
            self.client.serving_endpoints.update_config(
                name, served_entities=[entity], traffic_config=traffic
            )
            return
        config = EndpointCoreConfigInput(name, served_entities=[entity], traffic_config=traffic)
        self.client.serving_endpoints.create(name, config=config)

    def _wait(self, wanted: Version) -> "ServingEndpointDetailed":
        """Waits until a change is done, telling how it goes."""
        name, started, told = endpoint_name(wanted.model), time.monotonic(), ""
        while endpoints.is_changing(found := self.client.serving_endpoints.get(name)):
            spent, state = time.monotonic() - started, endpoints.told_by(found)
            if state != told:
                logger.info("%s, version %s, %.0f s: %s", name, wanted.version, spent, state)
                told = state
            if spent >= self.limit_seconds:
                raise UserError(
                    f"The endpoint {name} did not change to version {wanted.version} within "
                    f"{self.limit_seconds / 60:.0f} minutes ({state}); "
                    f"look at {self._page(wanted.model)}"
                )
            time.sleep(self.poll_seconds)
        if endpoints.has_failed(found) or not endpoints.is_ready(found):
            raise UserError(
                f"The endpoint {name} could not serve version {wanted.version} "
                f"({endpoints.told_by(found)}{self._build_ended(found)}); "
                f"look at {self._page(wanted.model)}"
            )
        return found

    def _build_ended(self, found: "ServingEndpointDetailed") -> str:
        from databricks.sdk.errors import DatabricksError

        entity = endpoints.newest_entity(found)
        try:
            log = self.client.serving_endpoints.build_logs(str(found.name), str(entity.name)).logs  # type: ignore
        except DatabricksError:  # there is none once a build is long past
            return ""
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        return f"; its build ended with {lines[-1][:200]!r}" if lines else ""

    def _compare(self, model: ModelVersion, check: SmokeCheck | None) -> None:
        if check is None:
            logger.warning("%s has no input example; its answers are not checked", model.uri)
        elif not check.agrees(answer := self.predict(model.name, check.request)):
            raise UserError(
                f"{self._url(model.name)} answered {str(answer)[:200]} to the input example of "
                f"{model.uri} where the model in process gives {str(check.predictions)[:200]}"
            )

    @contextmanager
    def _undone_on_error(
        self, wanted: Version, old: "ServingEndpointDetailed | None"
    ) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            try:
                note = self._undo(wanted, old)
            except Exception as second:
                note = f"nor did what was there before come back ({without_login(str(second))})"
            if isinstance(error, UserError):
                raise UserError(f"{str(error).rstrip('.')}; {note}.") from error
            logger.error("%s", note)
            raise
        except BaseException:
            logger.warning("the workspace goes on with the change; deploy again to wait for it")
            raise

    def _undo(self, wanted: Version, old: "ServingEndpointDetailed | None") -> str:
        """Brings back what was there before; returns what became of it."""
        name = endpoint_name(wanted.model)
        before = endpoints.served_of(old) if old else None
        if before is None:
            self.client.serving_endpoints.delete(name)
            return "the endpoint was deleted, since nothing was served before"
        now = self.client.serving_endpoints.get(name)
        if endpoints.is_changing(now):
            return f"version {before.version} answers until the workspace ends the change"
        if endpoints.served_of(now) == before:
            return f"version {before.version} serves still"
        try:
            self._change(before, old)
            self._wait(before)
        except UserError as error:
            return f"nor did version {before.version} come back: {error}"
        return f"version {before.version} serves again"

    def _deployment(
        self, found: "ServingEndpointDetailed", model: ModelVersion, change: Any = "found"
    ) -> Deployment:
        return Deployment(
            model,
            self._url(model.name),
            None,
            self._page(model.name),
            endpoints.is_ready(found),
            change,
            header=HEADER,
        )

    def _url(self, model: str) -> str:
        return f"{self.host}/serving-endpoints/{endpoint_name(model)}"

    def _page(self, model: str) -> str:
        return f"{self.host}/ml/endpoints/{endpoint_name(model)}"


def _check_registry() -> None:
    from mlflow import get_registry_uri

    if not (registry := get_registry_uri()).startswith("databricks"):
        raise UserError(
            "Databricks serves models of its own registry, and the registry here is "
            f"{without_login(registry)}; set MLFLOW_REGISTRY_URI=databricks, and register the "
            "model there."
        )
