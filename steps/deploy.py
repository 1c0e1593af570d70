"""Serves a registered model: raw row in, prediction out, with the server left running."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

import argparse
import contextlib
import json
import shlex
import statistics
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from throughline.deployment.targets import TARGETS, open_target
from throughline.step import Parser, run_step

if TYPE_CHECKING:
    from throughline.deployment.target import Deployment, DeploymentTarget


WATCH_SECONDS = 5.0
"""Between two looks at the registry."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Deploys, follows an alias, stops or shows the endpoint; writes what it did into the run."""
    options = parse(arguments)
    target = open_target(options.target, options.data_root, options.port)
    from throughline.tracking import step_run  # MLflow takes seconds: after the options are good

    with step_run("deploy"):
        if options.action in ("deploy", "watch"):
            from throughline.deployment.versions import resolve
            from throughline.deployment.watching import watch

            log(target, target.deploy(resolve(options.model, options.alias)))
            if options.action == "watch":
                with contextlib.suppress(KeyboardInterrupt):
                    watch(target, options.model, options.alias, WATCH_SECONDS, threading.Event())
            return
        stop = options.action == "stop"
        found = target.delete(options.model) if stop else target.status(options.model)
        what = f"{found.model.uri} at {found.url}, {place_of(found)}" if found else "nothing"
        healthy = " (answers)" if found and found.healthy else ""
        print(f"{'stopped' if stop else 'running'}: {what}{healthy}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line; its names are those of the entry point's parameters."""
    parser = Parser(description=__doc__)
    parser.add_argument("--model", default="flights-late", help="the registered model's name")
    parser.add_argument("--alias", default="champion", help="which of its versions")
    parser.add_argument("--target", default="local", help=f"where: {', '.join(TARGETS)}")
    parser.add_argument("--port", type=int, default=5055, help="the port of the local endpoint")
    parser.add_argument("--action", default="deploy", choices=["deploy", "watch", "stop", "status"])
    parser.add_argument("--data_root", default="data", help="a folder for the state and the logs")
    return parser.parse_args(arguments)


def place_of(deployment: "Deployment") -> str:
    """Where a person finds the server: its process, or what tells its log."""
    return f"pid {deployment.pid}" if deployment.pid else deployment.log


def log(target: "DeploymentTarget", deployment: "Deployment") -> None:
    """Logs the address, the start-up time and the latency; prints a request to try."""
    import mlflow

    from throughline.deployment.client import EndpointClient, latencies
    from throughline.deployment.smoke import example_request
    from throughline.deployment.versions import fetch
    from throughline.tracking import FIGURE

    mlflow.set_tag(FIGURE, f"{deployment.model.uri} at {deployment.url} ({deployment.change})")
    facts: dict[str, Any] = {"url": deployment.url, "pid": deployment.pid, "log": deployment.log}
    facts |= {"version": deployment.model.version, "change": deployment.change}
    mlflow.set_tags({f"endpoint.{name}": str(value) for name, value in facts.items()})
    command = f"curl -s {deployment.url}/model"
    if request := example_request(fetch(deployment.model)):
        ask = partial(EndpointClient(deployment.url).predict, request)  # over one connection
        if deployment.header:
            ask = partial(target.predict, deployment.model.name, request)
        mlflow.log_metric("latency_p50_ms", statistics.median(latencies(ask)))
        command = f"curl -s {deployment.url}/invocations -H 'Content-Type: application/json'"
        command += f' -H "{deployment.header}"' if deployment.header else ""
        command += f" -d {shlex.quote(json.dumps(request))}"
    if deployment.startup_seconds is not None:
        mlflow.log_metric("server_startup_seconds", deployment.startup_seconds)
    told = {"model": deployment.model.uri, "place": place_of(deployment), "curl": command}
    mlflow.log_dict({**facts, **told}, "endpoint.json")
    print(f"{deployment.model.uri} is served at {deployment.url} ({deployment.change}):\n{command}")


if __name__ == "__main__":
    run_step(main)
