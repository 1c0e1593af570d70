"""Steps in containers, started from outside: a container never starts another one."""

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from uuid import uuid4

from throughline.chain.backend import BackendOptions
from throughline.chain.local import run_project
from throughline.checkout import project_root
from throughline.deployment.engine import docker_engine
from throughline.errors import UserError
from throughline.launcher import LOCK, hold_lock
from throughline.packaging.docker import (
    IMAGE,
    WORKDIR,
    Mount,
    artifact_mounts,
    check_no_login,
    docker_variant,
    run_arguments,
    tracking_mounts,
)
from throughline.packaging.mlproject import read_project, write_project
from throughline.recipe.recipe import Recipe
from throughline.step import ERROR_FILE, child_errors
from throughline.writable import check_folder

REGISTRY = "MLFLOW_REGISTRY_URI"
LOGINS = (
    *("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "MLFLOW_S3_ENDPOINT_URL"),
    *("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "THROUGHLINE_AZURE_LOGIN"),
    *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    "AZURE_STORAGE_ACCESS_KEY",
    *("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP", "AZUREML_ARM_WORKSPACE_NAME"),
    *("DATABRICKS_HOST", "DATABRICKS_TOKEN"),
    REGISTRY,
)
"""Variables with which a step logs in to where its runs, artifacts, models and tables are."""
SETTINGS = (
    *("THROUGHLINE_SPARK_MEMORY", "THROUGHLINE_ALLOW_PICKLES"),
    *("MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_S3_IGNORE_TLS"),
)
LOGGED = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCESS_KEY"),
)
"""What MLflow writes into its call of Docker, which it logs, where artifacts are stored so."""


@dataclass(frozen=True)
class DockerBackend:
    """Runs each step in a container of the project's image; deploy starts one that stays.

    Attributes:
        image: The image.
        mounts: What its containers see of this machine.
    """

    image: str
    mounts: tuple[Mount, ...]

    @classmethod
    def open(cls, options: BackendOptions, recipe: Recipe) -> "DockerBackend":
        """Looks whether there is an engine and an image.

        Raises:
            UserError: If there is none, or the data root is a folder that cannot be written.
        """
        image = IMAGE if options.config == "none" else options.config
        if not docker_engine().images.list(name=image):
            raise UserError(
                f"There is no image {image}; build it with docker build -t {image} . or give "
                "backend_config the name of one that was built so."
            )
        if "://" in options.data_root or options.data_root.startswith("dbfs:"):
            return cls(image, tuple(table_mounts(recipe)))
        data_root = Path(options.data_root).absolute()
        check_folder(data_root)
        data_root.mkdir(parents=True, exist_ok=True)
        return cls(image, (Mount.same(data_root), *table_mounts(recipe)))

    def run(self, step: str, parameters: dict[str, str]) -> str:
        """Runs an entry point; see ``Backend.run``."""
        if step == "deploy":  # it starts a container itself
            return run_project(".", step, parameters, env_manager="local")
        import mlflow

        tracking = mlflow.get_tracking_uri()
        check_no_login(tracking)
        with (
            child_errors() as mistake,
            tempfile.TemporaryDirectory() as folder,
            _project_folder() as project,
            _container(step) as name,
            hold_lock(lock := mistake.with_name("launcher")),
        ):
            settings = {name: os.environ[name] for name in SETTINGS if name in os.environ}
            settings |= {"MLFLOW_TRACKING_URI": tracking, ERROR_FILE: str(mistake)}
            settings[LOCK] = str(lock)
            seen = [*self.mounts, *tracking_mounts(tracking), *_artifact_mounts()]
            seen += tracking_mounts(os.environ.get(REGISTRY, ""))
            seen += [Mount.same(mistake.parent), *_recipe_mounts(parameters)]
            check_mounts(seen)
            variant = docker_variant(read_project(project_root()), self.image, seen, settings)
            write_project(variant, project)
            arguments = run_arguments(tracking, env_file(Path(folder))) | {"name": name}
            given = _absolute(parameters)
            with _unset(LOGGED):
                return run_project(str(project), step, given, mistake, docker_args=arguments)

    def deploys_to(self) -> str:
        """A container on this machine."""
        return "docker"

    def shares_data(self) -> bool:
        """Yes: what the containers see of this machine, at the same place."""
        return True


@contextmanager
def _project_folder() -> Iterator[Path]:
    """A folder for the project of one step, in the checkout: MLflow notes the commit it is of."""
    build = project_root() / "build"
    build.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="docker-", dir=build) as folder:
        yield Path(folder)


@contextmanager
def _container(step: str) -> Iterator[str]:
    """A name for a step's container, which is ended when this process is told to end."""
    from docker.errors import DockerException

    name = f"throughline-{step}-{uuid4().hex[:12]}"
    try:
        yield name
    except (KeyboardInterrupt, SystemExit):
        with suppress(DockerException, UserError):
            _end(name)
        raise


def _end(name: str, seconds: float = 2.0) -> None:
    """Ends a container; the command that makes it may have been started just now."""
    containers = docker_engine().containers
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for container in containers.list(all=True, ignore_removed=True, filters={"name": name}):
            if container.status == "running":
                return container.stop()
            container.remove(force=True)
        time.sleep(0.2)


@contextmanager
def _unset(names: Iterable[str]) -> Iterator[None]:
    """Takes variables out of this process's environment for the block."""
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def table_mounts(recipe: Recipe) -> list[Mount]:
    """The folders of the local files that a recipe reads, where it will look for them.

    Of a folder that would hide the image's project, the files themselves.
    """
    tables = [recipe.source.table, *(join.table for join in recipe.source.joins)]
    found = []
    for table in (table.removeprefix("file://") for table in tables):
        if ":" in table:
            continue
        folder = Path(os.path.dirname(re.split(r"[*?[]", table)[0]))
        hides = WORKDIR.is_relative_to(os.path.normpath(WORKDIR / folder))
        places = [Path(place) for place in glob(table)] if hides else [folder]
        found += [
            Mount(place.absolute(), WORKDIR / place, readonly=True)
            for place in places
            if place.absolute().exists()
        ]
    return found


def check_mounts(mounts: Iterable[Mount]) -> None:
    """Refuses paths that would not reach Docker whole.

    Raises:
        UserError: If there is a blank in one: MLflow puts the command together without quotes.
    """
    for mount in mounts:
        if " " in str(mount):
            raise UserError(
                f"The folder {mount.here} has a blank in its path, which MLflow's call of Docker "
                "cannot take; keep data, runs, recipe and tables in folders without one."
            )


def _absolute(parameters: dict[str, str]) -> dict[str, str]:
    """The parameters with paths of this machine, which the container sees at the same place."""
    local = {"recipe", "data_root"}
    return {
        name: str(Path(value).absolute()) if name in local and ":" not in value else value
        for name, value in parameters.items()
    }


def _recipe_mounts(parameters: dict[str, str]) -> list[Mount]:
    recipe = parameters.get("recipe")
    return [Mount.same(Path(recipe).absolute().parent, readonly=True)] if recipe else []


def _artifact_mounts() -> list[Mount]:
    import mlflow

    active = mlflow.active_run()
    return artifact_mounts([mlflow.get_experiment(active.info.experiment_id)]) if active else []


def env_file(folder: Path) -> Path | None:
    """Writes the logins of this shell where only its user reads them; None if it has none."""
    logins = [f"{name}={os.environ[name]}" for name in LOGINS if name in os.environ]
    if not logins:
        return None
    path = folder / "environment"
    path.touch(mode=0o600)
    path.write_text("\n".join(logins) + "\n", encoding="utf-8")
    return path
