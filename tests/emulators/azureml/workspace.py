"""An Azure ML workspace on this machine, behind the real names of its hosts.

A request that no route takes is answered 404 and kept in ``unknown``.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.azureml.artifacts import Artifacts
from tests.emulators.azureml.certificates import make_certificates
from tests.emulators.azureml.cloud import Cloud
from tests.emulators.azureml.cluster import Cluster
from tests.emulators.azureml.computes import Computes
from tests.emulators.azureml.datastores import Datastores
from tests.emulators.azureml.directory import Directory
from tests.emulators.azureml.graphs import Graphs
from tests.emulators.azureml.history import History
from tests.emulators.azureml.iot_hub import IotHub
from tests.emulators.azureml.models import Models
from tests.emulators.azureml.online_endpoints import OnlineEndpoints
from tests.emulators.azureml.parallel_runs import ParallelRuns
from tests.emulators.azureml.pipelines import Pipelines
from tests.emulators.azureml.published import Published
from tests.emulators.azureml.resources import SERVICES, Resources
from tests.emulators.azureml.services import Services
from tests.emulators.azureml.snapshots import Snapshots
from tests.emulators.azureml.tracking import Tracking
from tests.emulators.databricks.machine import machine_environment
from tests.emulators.server import Request
from tests.emulators.tracking_server import tracking_server

CLIENT = "11111111-2222-3333-4444-555555555555"
STRANGER = "66666666-7777-8888-9999-000000000000"
SECRET = "secret~of.the-tests"  # noqa: S105 (of no real service)


@dataclass(frozen=True, repr=False)
class Workspace:
    """The parts of a workspace that runs."""

    folder: Path
    cloud: Cloud
    authority: Path
    directory: Directory
    resources: Resources
    tracking: Tracking
    artifacts: Artifacts
    models: Models
    services: Services
    endpoints: OnlineEndpoints
    hub: IotHub
    computes: Computes
    history: History
    graphs: Graphs
    pipelines: Pipelines
    published: Published
    datastores: Datastores

    @property
    def network(self) -> dict[str, str]:
        """What leads a client to the emulator, and to nowhere else."""
        return {
            "HTTPS_PROXY": self.cloud.url,
            "HTTP_PROXY": self.cloud.url,
            "NO_PROXY": "127.0.0.1,localhost",
            "REQUESTS_CA_BUNDLE": str(self.authority),
            "SSL_CERT_FILE": str(self.authority),
            "AZUREML_CURRENT_CLOUD": "AzureCloud",  # else the clients look clouds up
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "HOME": str(self.folder / "home"),
        }

    @property
    def principal(self) -> dict[str, str]:
        """What a service principal has in its environment."""
        return {
            "AZURE_TENANT_ID": self.directory.tenant,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": self.directory.secrets[CLIENT],
        }

    @property
    def names(self) -> dict[str, str]:
        """What says which workspace."""
        return {
            "AZUREML_ARM_SUBSCRIPTION": self.resources.subscription,
            "AZUREML_ARM_RESOURCEGROUP": self.resources.group,
            "AZUREML_ARM_WORKSPACE_NAME": self.resources.workspace,
        }

    def seen(self, method: str, pattern: str) -> list[Request]:
        """The recorded requests of a route."""
        found = [r for r in self.cloud.requests if r.method == method]
        return [r for r in found if re.fullmatch(pattern, self.cloud.place(r))]


@contextmanager
def running_workspace(folder: Path) -> Iterator[Workspace]:
    """A workspace whose files are below ``folder``."""
    (folder / "home").mkdir()
    authority, tls = make_certificates(folder)
    cloud = Cloud(tls=tls)
    directory = Directory(str(uuid.uuid4()), dict.fromkeys((CLIENT, STRANGER), SECRET))
    numbers = str(uuid.uuid4()), str(uuid.uuid4())
    resources = Resources(directory, numbers[0], "tests", "throughline", numbers[1], (STRANGER,))
    cloud.guard = resources.admit
    root = f"azureml://{SERVICES}/mlflow/v2.0{resources.scope}/experiments"
    with tracking_server(folder, root) as url, cloud.serving():
        tracking, artifacts = Tracking(resources, url), Artifacts(resources)
        models, computes = Models(resources, artifacts), Computes(resources)
        services = Services(models, computes, folder)
        endpoints = OnlineEndpoints(tracking, artifacts, folder)
        hub = IotHub()
        history, datastores = History(resources, url), Datastores(artifacts)
        cluster, snapshots = Cluster(folder / "machine"), Snapshots(artifacts)
        parallel = ParallelRuns(computes, artifacts, datastores, folder / "batch")
        graphs = Graphs(resources, snapshots, parallel)
        pipelines = Pipelines(resources, graphs, snapshots, history, cluster, parallel)
        published = Published(pipelines)
        parts = directory, resources, tracking, artifacts, models, services, endpoints, hub
        parts += computes, history, graphs, pipelines, published, datastores
        for part in (*parts, snapshots):
            cloud.routes += part.routes()
        made = Workspace(folder, cloud, authority, *parts)
        cluster.environment = machine_environment(cluster.machine) | made.network
        try:
            yield made
        finally:
            for part in (services, endpoints):
                part.stop()
            pipelines.close()
