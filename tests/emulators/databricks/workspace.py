"""A Databricks workspace on this machine: tracking, DBFS, the model registry, job runs, endpoints.

Tracking is a real MLflow server behind it, artifacts are on DBFS. A request that no route takes is
answered 404 and kept in ``unknown``.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.emulators.databricks.dbfs import Dbfs
from tests.emulators.databricks.identity import TOKEN, identity_routes
from tests.emulators.databricks.jobs import Jobs
from tests.emulators.databricks.machine import machine_environment
from tests.emulators.databricks.models import ModelFiles
from tests.emulators.databricks.server import Answer, Refused, Request, Server
from tests.emulators.databricks.serving import ServingEndpoints
from tests.emulators.databricks.transitions import TransitionRequests
from tests.emulators.tracking_server import forward, tracking_server

JOB_TOKEN = "dapi-of-the-cluster"  # noqa: S105 (of no real service)


@dataclass(repr=False)
class Workspace:
    """The parts of a workspace that runs."""

    folder: Path
    server: Server
    jobs: Jobs
    dbfs: Dbfs
    serving: ServingEndpoints
    transitions: TransitionRequests

    @property
    def environment(self) -> dict[str, str]:
        """What a client of the workspace has in its environment."""
        return {
            "DATABRICKS_HOST": self.server.url,
            "DATABRICKS_TOKEN": TOKEN,
            "MLFLOW_TRACKING_URI": "databricks",
            "MLFLOW_REGISTRY_URI": "databricks",
            "MLFLOW_EXPERIMENT_NAME": "/Shared/throughline",
        }

    def seen(self, method: str, pattern: str) -> list[Request]:
        """The recorded requests of a route."""
        found = [r for r in self.server.requests if r.method == method]
        return [request for request in found if re.fullmatch(pattern, request.path)]


@contextmanager
def running_workspace(folder: Path) -> Iterator[Workspace]:
    """A workspace whose files are below ``folder``, in which /Shared is there."""
    machine = folder / "machine"
    dbfs = Dbfs(machine / "dbfs")
    server = Server(tokens={TOKEN, JOB_TOKEN})
    jobs = Jobs(machine, dbfs)
    with tracking_server(folder, "dbfs:/mlflow") as tracking, server.serving():
        jobs.url = server.url
        jobs.environment = {
            **machine_environment(machine),
            "DATABRICKS_HOST": server.url,
            "DATABRICKS_TOKEN": JOB_TOKEN,
        }
        models = ModelFiles(dbfs, tracking, server.url)
        serving, transitions = ServingEndpoints(models), TransitionRequests(tracking)
        server.routes += [
            *identity_routes(),
            *dbfs.routes(),
            *jobs.routes(),
            *models.routes(),
            *transitions.routes(),
            *serving.routes(),
            ("POST", r"/api/2\.0/mlflow/experiments/create", _Proxy(tracking).create_experiment),
            ("*", r"/api/2\.0/mlflow/.+", _Proxy(tracking).forward),
        ]
        try:
            yield Workspace(folder, server, jobs, dbfs, serving, transitions)
        finally:
            jobs.close()


class _Proxy:
    """Hands tracking and registry on to the MLflow server."""

    def __init__(self, tracking: str) -> None:
        self.tracking = tracking

    def forward(self, request: Request, match: re.Match[str]) -> Answer:
        return forward(request, f"{self.tracking}{request.path}", request.query, request.body)

    def create_experiment(self, request: Request, match: re.Match[str]) -> Answer:
        name = request.json["name"]
        if not name.startswith("/"):
            message = f"Got an invalid experiment name '{name}'. It must be an absolute path."
            raise Refused(400, "INVALID_PARAMETER_VALUE", message)
        return self.forward(request, match)
