"""What a step says and keeps of a deployment."""

import json
import shlex
import statistics
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

from throughline.deployment.client import EndpointClient, latencies
from throughline.deployment.plain_rows import as_table
from throughline.deployment.smoke import example_request
from throughline.deployment.target import ENDPOINT
from throughline.deployment.versions import fetched
from throughline.tracking import FIGURE

if TYPE_CHECKING:
    from throughline.deployment.target import Deployment, DeploymentTarget


def place_of(deployment: "Deployment") -> str:
    """Where a person finds the server: its process, or what tells its log."""
    return f"pid {deployment.pid}" if deployment.pid else deployment.log


def log_deployment(target: "DeploymentTarget", deployment: "Deployment") -> str:
    """Logs the address, the start-up time and the latency; returns a request to try, for people."""
    import mlflow

    mlflow.set_tag(FIGURE, f"{deployment.model.uri} at {deployment.url} ({deployment.change})")
    facts: dict[str, Any] = {"url": deployment.url, "pid": deployment.pid, "log": deployment.log}
    facts |= {"version": deployment.model.version, "change": deployment.change}
    mlflow.set_tags({f"endpoint.{name}": str(value) for name, value in facts.items()})
    command = ""
    if deployment.scoring_path:
        command = _log_latency(target, deployment)
    if deployment.startup_seconds is not None:
        mlflow.log_metric("server_startup_seconds", deployment.startup_seconds)
    told = {"model": deployment.model.uri, "place": place_of(deployment), "curl": command}
    mlflow.log_dict({**facts, **told}, ENDPOINT)
    where = f"{deployment.model.uri} is served at {deployment.url} ({deployment.change})"
    return f"{where}:\n{command}" if command else where


def _log_latency(target: "DeploymentTarget", deployment: "Deployment") -> str:
    """Logs the latency of the input example; returns a request to try."""
    import mlflow

    header = f' -H "{deployment.header}"' if deployment.header else ""
    kept = deployment.files
    with nullcontext(kept) if kept else fetched(deployment.model) as files:
        request = example_request(files)
    if request is None:
        return f"curl -s {deployment.url}/model{header}"
    ask = partial(target.predict, deployment.model.name, request)
    if not deployment.header and deployment.scoring_path == "/invocations":
        ask = partial(EndpointClient(deployment.url).predict, request)  # over one connection
    mlflow.log_metric("latency_p50_ms", statistics.median(latencies(ask)))
    if deployment.table_key:
        request = {deployment.table_key: as_table(request)}
    command = f"curl -s {deployment.url}{deployment.scoring_path}"
    command += f" -H 'Content-Type: application/json'{header}"
    return f"{command} -d {shlex.quote(json.dumps(request))}"
