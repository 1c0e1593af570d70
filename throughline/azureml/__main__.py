"""Prints what makes a shell track to an Azure ML workspace.

For ``eval "$(python -m throughline.azureml)"``. What the shell has of another store's runs is
taken away: they are not in this one.
"""

import os
import shlex
from collections.abc import Sequence

from throughline.azureml.workspace import find_workspace, tracking_uri
from throughline.step import Parser, run_step

FOREIGN = ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_TOKEN")


def main(arguments: Sequence[str] | None = None) -> None:
    """Finds the workspace, logs in to it, prints."""
    parser = Parser(prog="throughline.azureml", description=__doc__)
    parser.add_argument("--config", default="", help="the workspace's config.json")
    parser.add_argument("--subscription_id", default="", help="the subscription's id")
    parser.add_argument("--resource_group", default="", help="the resource group's name")
    parser.add_argument("--workspace_name", default="", help="the workspace's name")
    options = vars(parser.parse_args(arguments))
    uri = tracking_uri(find_workspace(options, options.pop("config")))
    print(f"export MLFLOW_TRACKING_URI={shlex.quote(uri)}")
    if foreign := [name for name in FOREIGN if name in os.environ]:
        print(f"unset {' '.join(foreign)}")


if __name__ == "__main__":
    run_step(main)
