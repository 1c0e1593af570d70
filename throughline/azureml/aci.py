"""The target aci: a web service on Azure Container Instances, small, for trials."""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from throughline.azureml import scoring_client
from throughline.azureml.refusals import refusals
from throughline.azureml.served_environment import served_environment
from throughline.azureml.served_model import registered_copy, tags_of, version_in
from throughline.azureml.webservice import inference_config, service_name, wait_for
from throughline.azureml.webservice_target import WebserviceTarget
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.versions import fetched
from throughline.strict import Strict

if TYPE_CHECKING:
    from azureml.core import Environment, Model, Workspace
    from azureml.core.webservice import AciWebservice

logger = logging.getLogger(__name__)


class AciOptions(Strict):
    """What a new service is made of.

    Attributes:
        cpu: Its cores.
        memory_gb: Its memory.
        location: The region; by default the workspace's.
        limit_minutes: How long a change may take; the workspace builds an image for the first.
    """

    cpu: float = Field(1, gt=0)
    memory_gb: float = Field(2, gt=0)
    location: str | None = None
    limit_minutes: float = Field(60, gt=0)


class AciTarget(WebserviceTarget):
    """Serves each model by a service on Azure Container Instances.

    Args:
        workspace: The workspace.
        options: What new services are made of.
    """

    def __init__(self, workspace: "Workspace", options: AciOptions) -> None:
        super().__init__(workspace, options.limit_minutes * 60)
        self.options = options

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the service serve this version; see ``DeploymentTarget.deploy``.

        A new version takes the place of the old one in the same containers, so nothing answers for
        a while. If the new one does not come up or answers differently, the old one is put back; a
        service that is new is deleted then.
        """
        with refusals(f"to serve {model.uri}"):
            old = self._find(model.name)
            if old and old.state == "Healthy" and self._served(old) == model:
                logger.info("%s serves %s already", old.scoring_uri, model.uri)
                return self._deployment(old, model, "unchanged")
            self._check_quiet(old)
            with fetched(model) as files:
                check = smoke_check(files)
                copy = registered_copy(self.workspace, model, Path(files))
                environment = served_environment(copy.name, Path(files))
            if old and old.state == "Failed":
                old.delete()
                old = None
            started = time.monotonic()
            with self._undone_on_error(model, old):
                if old:
                    made = self._find(model.name)
                    self._put_in(made, model, copy, environment)
                else:
                    made = self._make(model, copy, environment)
                self._addresses.pop(model.name, None)
                if check:
                    key = made.get_keys()[0]
                    answer = scoring_client.ask(made.scoring_uri, key, check.request)
                    scoring_client.compare(model, check, made.scoring_uri, answer)
        change, seconds = "replaced" if old else "started", time.monotonic() - started
        return replace(self._deployment(made, model, change), startup_seconds=seconds)

    def _kind(self) -> type["AciWebservice"]:
        from azureml.core.webservice import AciWebservice

        return AciWebservice

    def _served(self, found: "AciWebservice") -> ModelVersion | None:
        return version_in(found.tags)

    def _make(
        self, model: ModelVersion, copy: "Model", environment: "Environment"
    ) -> "AciWebservice":
        from azureml.core import Model
        from azureml.core.webservice import AciWebservice

        made_of = AciWebservice.deploy_configuration(
            cpu_cores=self.options.cpu,
            memory_gb=self.options.memory_gb,
            location=self.options.location,
            tags=tags_of(model),
            auth_enabled=True,
        )
        with inference_config(model, environment) as config:
            made = Model.deploy(self.workspace, service_name(model.name), [copy], config, made_of)
        wait_for(made, self.limit_seconds)
        return made

    def _put_in(
        self,
        service: "AciWebservice",
        model: ModelVersion,
        copy: "Model",
        environment: "Environment",
    ) -> None:
        with inference_config(model, environment) as config:
            service.update(models=[copy], inference_config=config, tags=tags_of(model))
        wait_for(service, self.limit_seconds)

    def _undo(self, model: ModelVersion, old: Any) -> str:
        now = self._find(model.name)
        before = self._served(old) if old else None
        if before is None:
            if now:
                now.delete()
            return "nothing is deployed, as before"
        if now and self._served(now) == before and now.state == "Healthy":
            return f"version {before.version} serves still"
        self._put_in(now, before, old.models[0], old.environment)
        return f"version {before.version} serves again"
