"""The target aci: a web service on Azure Container Instances, small, for trials."""

from typing import TYPE_CHECKING, Any

from pydantic import Field

from throughline.azureml.served_model import tags_of, version_in
from throughline.azureml.webservice import inference_config, wait_for
from throughline.azureml.webservice_target import WebserviceTarget
from throughline.deployment.target import ModelVersion
from throughline.strict import Strict

if TYPE_CHECKING:
    from azureml.core import Environment, Model, Workspace
    from azureml.core.webservice import AciWebservice


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

    A new version takes the place of the old one in the same containers, so nothing answers for
    a while. If the new one does not come up or answers differently, the old one is put back; a
    service that is new is deleted then.

    Args:
        workspace: The workspace.
        options: What new services are made of.
    """

    def __init__(self, workspace: "Workspace", options: AciOptions) -> None:
        super().__init__(workspace, options.limit_minutes * 60)
        self.options = options

    def _kind(self) -> type["AciWebservice"]:
        from azureml.core.webservice import AciWebservice

        return AciWebservice

    def _served(self, found: "AciWebservice") -> ModelVersion | None:
        return version_in(found.tags)

    def _runs(self, found: "AciWebservice", model: ModelVersion) -> bool:
        return found.state == "Healthy" and self._served(found) == model

    def _is_broken(self, found: "AciWebservice", model: ModelVersion) -> bool:
        return found.state == "Failed"

    def _made_of(self, model: ModelVersion) -> Any:
        from azureml.core.webservice import AciWebservice

        return AciWebservice.deploy_configuration(
            cpu_cores=self.options.cpu,
            memory_gb=self.options.memory_gb,
            location=self.options.location,
            tags=tags_of(model),
            auth_enabled=True,
        )

    def _put_in(
        self, found: "AciWebservice", model: ModelVersion, copy: "Model", environment: "Environment"
    ) -> None:
        with inference_config(model, environment) as config:
            found.update(models=[copy], inference_config=config, tags=tags_of(model))
        wait_for(found, self.limit_seconds)
        self._addresses.pop(model.name, None)

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
