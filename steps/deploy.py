"""Serves a registered model: raw row in, prediction out, with the server left running."""

import os
import sys
from collections.abc import Sequence

sys.path.insert(0, os.getcwd())

import argparse
import contextlib
import threading

from throughline.deployment.record import log_deployment, place_of
from throughline.deployment.target import Deployment
from throughline.deployment.targets import TARGETS, open_target
from throughline.step import Parser, run_step

ACTIONS = ["deploy", "watch", "stop", "status", "logs"]
WATCH_SECONDS = 5.0
"""Between two looks at the registry."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Deploys, follows an alias, stops or shows the endpoint; writes what it did into the run."""
    options = parse(arguments)
    target = open_target(
        options.target, options.data_root, options.port, options.host, options.target_options
    )
    from throughline.tracking import step_run  # MLflow takes seconds: after the options are good

    with step_run("deploy"):
        if options.action in ("deploy", "watch"):
            from throughline.deployment.versions import resolve
            from throughline.deployment.watching import watch
            from throughline.registry.champions import end_rollback

            def log(deployment: Deployment) -> None:
                print(log_deployment(target, deployment), flush=True)
                end_rollback(options.model, deployment.model.version)  # it is served by now

            log(target.deploy(resolve(options.model, options.alias)))
            if options.action == "watch":
                with contextlib.suppress(KeyboardInterrupt, SystemExit):  # SIGTERM is a good end
                    ended = threading.Event()
                    watch(target, options.model, options.alias, log, WATCH_SECONDS, ended)
            return
        if options.action == "logs":
            print("\n".join(target.logs(options.model)))
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
    parser.add_argument("--host", default="none", help="the local endpoint's address (none: kept)")
    parser.add_argument("--port", type=int, default=5055, help="the port of the local endpoint")
    parser.add_argument("--target_options", default="none", help="of one of Azure: key=value,...")
    parser.add_argument("--action", default="deploy", choices=ACTIONS)
    parser.add_argument("--data_root", default="data", help="a folder for the state and the logs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_step(main)
