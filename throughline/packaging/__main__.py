"""Writes a variant of the project: ``python -m throughline.packaging docker build/docker``.

The other kind is ``databricks``.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.checkout import project_root
from throughline.errors import UserError
from throughline.packaging.databricks import write_databricks
from throughline.packaging.docker import (
    IMAGE,
    Mount,
    artifact_mounts,
    check_no_login,
    docker_variant,
    is_loopback,
    tracking_mounts,
)
from throughline.packaging.mlproject import FILE, read_project, with_data_root, write_project

if TYPE_CHECKING:
    from mlflow.entities import Experiment


def main() -> None:
    """Parses the arguments, writes the variant, says how to run it."""
    parser = argparse.ArgumentParser(prog="python -m throughline.packaging", description=__doc__)
    kinds = parser.add_subparsers(required=True)
    docker = kinds.add_parser("docker", help="every step in a container")
    docker.add_argument("folder", type=Path, help="where to write it")
    docker.add_argument("--image", default=IMAGE, help="the image's name")
    docker.add_argument("--data_root", type=Path, default=Path("data"), help="a local folder")
    docker.set_defaults(write=write_docker)
    databricks = kinds.add_parser("databricks", help="every entry point a Spark job")
    databricks.add_argument("folder", type=Path, help="where to write it")
    databricks.add_argument(
        "--recipe", type=Path, action="append", default=[], help="a recipe to take along"
    )
    databricks.set_defaults(write=write_spark_job)
    options = parser.parse_args()
    try:
        print(options.write(options))
    except (UserError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)


def write_docker(options: argparse.Namespace) -> str:
    """Writes the variant for Docker; returns the command that runs it."""
    root = project_root()
    if (options.folder / FILE).exists() and "docker_env" not in read_project(options.folder):
        raise UserError(
            f"There is another project in {options.folder}; give an empty folder, or one of an "
            "earlier variant for Docker."
        )
    tracking = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root}/mlflow.db"
    check_no_login(tracking)
    data_root = options.data_root.absolute()
    data_root.mkdir(parents=True, exist_ok=True)
    mounts = [Mount.same(data_root), *tracking_mounts(tracking)]
    if tracking.startswith("sqlite:"):
        mounts += artifact_mounts(_experiments(tracking))
    project = with_data_root(read_project(root), str(data_root))
    settings = {"MLFLOW_TRACKING_URI": tracking}
    write_project(docker_variant(project, options.image, mounts, settings), options.folder)
    network = " -A network=host" if is_loopback(tracking) else ""
    user = f"-A user={os.getuid()}:0"
    return f"MLFLOW_TRACKING_URI={tracking} mlflow run {options.folder} {user}{network} -e prep"


def _experiments(tracking: str) -> "list[Experiment]":
    from mlflow import MlflowClient

    return list(MlflowClient(tracking, tracking).search_experiments())


def write_spark_job(options: argparse.Namespace) -> str:
    """Writes the variant for Databricks; returns the command that runs it."""
    write_databricks(project_root(), options.folder, options.recipe)
    return (
        f"MLFLOW_TRACKING_URI=databricks mlflow run {options.folder} -b databricks "
        "-c cluster.json --experiment-name /Shared/throughline -e main"
    )


if __name__ == "__main__":
    main()
