"""A Databricks workspace on this machine: tracking, DBFS, the model registry, job runs, endpoints.

Tracking is a real MLflow server behind it, artifacts are on DBFS. A request that no route takes is
answered 404 and kept in ``unknown``.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.emulators.databricks.dbfs import Dbfs
from tests.emulators.databricks.identity import TOKEN, identity_routes
from tests.emulators.databricks.jobs import Jobs
from tests.emulators.databricks.models import ModelFiles
from tests.emulators.databricks.server import Answer, Refused, Request, Server
from tests.emulators.databricks.serving import ServingEndpoints
from tests.emulators.databricks.transitions import TransitionRequests
from tests.steps.conftest import free_port
from throughline.spark import java_home

JOB_TOKEN = "dapi-of-the-cluster"  # noqa: S105 (of no real service)
RSYNC = """#!/bin/sh
# A cluster has rsync; of it, "rsync -a -v --ignore-existing FILE FOLDER" is used.
[ "$1 $2 $3" = "-a -v --ignore-existing" ] && exec cp -n "$4" "$5"
echo "rsync: unknown options $*" >&2; exit 1
"""


@dataclass
class Workspace:
    """The parts of a workspace that runs."""

    folder: Path
    server: Server
    jobs: Jobs
    dbfs: Dbfs
    serving: ServingEndpoints

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
    server = Server({TOKEN, JOB_TOKEN})
    jobs = Jobs(machine, dbfs)
    with _tracking_server(folder) as tracking, server.serving():
        jobs.url = server.url
        jobs.environment = _machine_environment(machine, server.url)
        models = ModelFiles(dbfs, tracking, server.url)
        serving = ServingEndpoints(models)
        server.routes += [
            *identity_routes(),
            *dbfs.routes(),
            *jobs.routes(),
            *models.routes(),
            *TransitionRequests(tracking).routes(),
            *serving.routes(),
            ("POST", r"/api/2\.0/mlflow/experiments/create", _Proxy(tracking).create_experiment),
            ("*", r"/api/2\.0/mlflow/.+", _Proxy(tracking).forward),
        ]
        try:
            yield Workspace(folder, server, jobs, dbfs, serving)
        finally:
            jobs.close()


class _Proxy:
    """Hands tracking and registry on to the MLflow server."""

    def __init__(self, tracking: str) -> None:
        self.tracking = tracking

    def forward(self, request: Request, match: re.Match[str]) -> Answer:
        headers = {"Content-Type": request.headers.get("Content-Type", "application/json")}
        answer = requests.request(
            request.method,
            f"{self.tracking}{request.path}",
            params=dict(request.query),
            data=request.body,
            headers=headers,
            timeout=60,
        )
        return Answer(answer.content, answer.status_code, answer.headers["Content-Type"])

    def create_experiment(self, request: Request, match: re.Match[str]) -> Answer:
        name = request.json["name"]
        if not name.startswith("/"):
            message = f"Got an invalid experiment name '{name}'. It must be an absolute path."
            raise Refused(400, "INVALID_PARAMETER_VALUE", message)
        return self.forward(request, match)


@contextmanager
def _tracking_server(folder: Path) -> Iterator[str]:
    """MLflow's server as ``mlflow server`` starts it, without that command's own process."""
    port = free_port()
    store = f"sqlite:///{folder}/mlflow.db"
    settings = {
        "_MLFLOW_SERVER_FILE_STORE": store,
        "_MLFLOW_SERVER_REGISTRY_STORE": store,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "dbfs:/mlflow",
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "--port",
        str(port),
        "mlflow.server.fastapi_app:app",
    ]
    with (folder / "tracking.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**_clean_environment(), **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 240
    ready = f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0"
    while process.poll() is None:
        try:
            requests.get(ready, timeout=60).raise_for_status()
            return
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "the tracking server did not start"
            time.sleep(0.1)
    raise AssertionError("the tracking server ended")


def _machine_environment(machine: Path, url: str) -> dict[str, str]:
    programs = machine / "programs"
    programs.mkdir()
    (programs / "rsync").write_text(RSYNC)
    (programs / "rsync").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {
        **_clean_environment(),
        "PATH": path,
        "JAVA_HOME": java_home(),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "DATABRICKS_RUNTIME_VERSION": "15.4",
        "DATABRICKS_HOST": url,
        "DATABRICKS_TOKEN": JOB_TOKEN,
    }


def _clean_environment() -> dict[str, str]:
    """This process's, without what says where runs and models go or where code is."""
    names = ("MLFLOW_", "DATABRICKS_", "THROUGHLINE_", "PYTHONPATH", "PYSPARK", "SPARK_")
    return {name: value for name, value in os.environ.items() if not name.startswith(names)}
