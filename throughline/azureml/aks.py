"""The target aks: an endpoint on a Kubernetes cluster, whose versions share the traffic."""

from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from throughline.azureml.compute import find_compute
from throughline.azureml.served_model import tags_of, version_in
from throughline.azureml.webservice import inference_config, version_name, wait_for
from throughline.azureml.webservice_target import WebserviceTarget
from throughline.deployment.target import Deployment, ModelVersion
from throughline.errors import UserError
from throughline.strict import Strict

if TYPE_CHECKING:
    from azureml.core import Environment, Model, Workspace
    from azureml.core.webservice import AksEndpoint, AksWebservice


class AksOptions(Strict):
    """Where a service runs, and what a new version of it is made of.

    Attributes:
        compute: The workspace's name of the cluster.
        cpu: The cores of a replica.
        memory_gb: The memory of a replica.
        min_replicas: The fewest replicas; how many there are follows the load.
        max_replicas: The most.
        target_utilization: How busy replicas are kept, in percent.
        replicas: How many there always are, in the place of the three above.
        traffic: The share of the requests that a new version gets, in percent; below 100 the
            version before stays, and answers the rest.
        limit_minutes: How long a change may take; the workspace builds an image for the first.
    """

    compute: str
    cpu: float = Field(0.5, gt=0)
    memory_gb: float = Field(2, gt=0)
    min_replicas: int = Field(1, ge=1)
    max_replicas: int = Field(3, ge=1)
    target_utilization: int = Field(70, ge=1, le=100)
    replicas: int | None = Field(None, ge=1)
    traffic: int = Field(100, ge=1, le=100)
    limit_minutes: float = Field(60, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> "AksOptions":
        if self.max_replicas < self.min_replicas:
            raise ValueError("max_replicas is below min_replicas")
        return self

    def of_version(self) -> dict[str, Any]:
        """What the SDK is told of a version."""
        told: dict[str, Any] = {"cpu_cores": self.cpu, "memory_gb": self.memory_gb}
        if self.replicas:
            return told | {"autoscale_enabled": False, "num_replicas": self.replicas}
        told |= {"autoscale_enabled": True, "autoscale_min_replicas": self.min_replicas}
        told |= {"autoscale_max_replicas": self.max_replicas}
        return told | {"autoscale_target_utilization": self.target_utilization}


class AksTarget(WebserviceTarget):
    """Serves each model by an endpoint on a Kubernetes cluster that the workspace knows.

    Args:
        workspace: The workspace.
        options: Which cluster, and what new versions are made of.
    """

    def __init__(self, workspace: "Workspace", options: AksOptions) -> None:
        super().__init__(workspace, options.limit_minutes * 60)
        self.options = options

    def deploy(self, model: ModelVersion) -> Deployment:
        """Makes the endpoint serve this version; see ``DeploymentTarget.deploy``.

        A new version comes up beside the old one, without traffic, and has to answer rightly. Then
        it is given its share, and with all of the traffic the old one is removed. A version that
        does not come up, or answers differently, is removed itself.
        """
        from azureml.core.compute import AksCompute

        name = self.options.compute
        if not isinstance(find_compute(self.workspace, name), AksCompute):
            raise UserError(
                f"The workspace {self.workspace.name} has no Kubernetes cluster {name}; attach "
                "one, and give its name as -P target_options=compute=..."
            )
        return super().deploy(model)

    def _kind(self) -> type["AksEndpoint"]:
        from azureml.core.webservice import AksEndpoint

        # The SDK asks an endpoint that gets a version for what only the versions have.
        AksEndpoint.container_resource_requirements = None
        return AksEndpoint

    def _served(self, found: "AksEndpoint") -> ModelVersion | None:
        versions = found.versions.values()
        default = next((one for one in versions if one.is_default), None)
        return version_in(default.tags) if default else None

    def _runs(self, found: "AksEndpoint", model: ModelVersion) -> bool:
        there = found.versions.get(version_name(model))
        return bool(there and there.state == "Healthy" and version_in(there.tags) == model)

    def _serves(self, found: "AksEndpoint", model: ModelVersion) -> bool:
        share = self.options.traffic if len(found.versions) > 1 else 100
        name = version_name(model)
        return self._runs(found, model) and found.versions[name].traffic_percentile == share

    def _is_broken(self, found: "AksEndpoint", model: ModelVersion) -> bool:
        """Whether the endpoint serves nothing, not even the version that has its traffic.

        Raises:
            UserError: A version of the same number, of another store, has it.
        """
        name = _default(found)
        if name is None:
            return True
        if name != version_name(model) or self._runs(found, model):
            return False
        if version_in(found.versions[name].tags) == model:
            return True
        raise UserError(
            f"The endpoint {found.name} serves version {model.version} of another registry; "
            "end that with -P action=stop first."
        )

    def _made_of(self, model: ModelVersion) -> Any:
        from azureml.core.webservice import AksEndpoint

        return AksEndpoint.deploy_configuration(
            version_name=version_name(model),
            traffic_percentile=100,
            compute_target_name=self.options.compute,
            tags=tags_of(model),
            auth_enabled=True,
            **self.options.of_version(),
        )

    def _put_in(
        self, found: "AksEndpoint", model: ModelVersion, copy: "Model", environment: "Environment"
    ) -> None:
        name = version_name(model)
        if name in found.versions:
            self._remove(found, name)
        with inference_config(model, environment) as config:
            found.create_version(
                name,
                traffic_percentile=0,
                models=[copy],
                inference_config=config,
                tags=tags_of(model),
                **self.options.of_version(),
            )
        wait_for(found, self.limit_seconds)

    def _address(self, found: "AksEndpoint", model: ModelVersion) -> str:
        return str(found.versions[version_name(model)].scoring_uri)

    def _give_traffic(self, found: "AksEndpoint", model: ModelVersion) -> None:
        """Gives a version its share, and the version before the rest; removes it if there is none.

        Each step leaves all of the traffic with healthy versions: what no version claims goes to
        the default one.
        """
        new, share = version_name(model), self.options.traffic
        default = str(_default(found))
        others = [name for name in found.versions if name != new]
        if not others:
            return
        if share == 100 or default == new:
            self._update(found, new, is_default=True, is_control_version_type=True)
            for name in others:
                self._update(found, name, traffic_percentile=0)
            self._update(found, new, traffic_percentile=100)
            for name in others:
                self._remove(found, name)
            return
        for name in others:
            if name != default:
                self._remove(found, name)
        self._update(found, default, traffic_percentile=100 - share)
        self._update(found, new, traffic_percentile=share)

    def _update(self, endpoint: "AksEndpoint", name: str, **changed: Any) -> None:
        endpoint.update_version(name, **changed)
        wait_for(endpoint, self.limit_seconds)

    def _remove(self, endpoint: "AksEndpoint", name: str) -> None:
        endpoint.delete_version(name)
        wait_for(endpoint, self.limit_seconds)

    def _undo(self, model: ModelVersion, old: Any) -> str:
        now, new = self._find(model.name), version_name(model)
        before, served = (_default(old), self._served(old)) if old else (None, None)
        if before is None or served is None:
            if now:
                now.delete()
            return "nothing is deployed, as before"
        if _default(now) != before:
            self._update(now, before, is_default=True, is_control_version_type=True)
        if new in now.versions and new not in old.versions:
            if now.versions[new].traffic_percentile:
                self._update(now, new, traffic_percentile=0)
            self._remove(now, new)
        share = old.versions[before].traffic_percentile
        if now.versions[before].traffic_percentile != share:
            self._update(now, before, traffic_percentile=share)
        return f"version {served.version} serves still"


def _default(endpoint: "AksEndpoint") -> str | None:
    versions: dict[str, AksWebservice] = endpoint.versions
    return next((name for name, one in versions.items() if one.is_default), None)
