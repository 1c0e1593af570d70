"""The project with a Docker environment: its steps run in containers, one for each."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from throughline.errors import UserError
from throughline.login import without_login
from throughline.packaging.mlproject import Project, with_environment

if TYPE_CHECKING:
    from mlflow.entities import Experiment

IMAGE = "throughline"
WORKDIR = Path("/throughline")
"""Where the image has the project."""


@dataclass(frozen=True)
class Mount:
    """A folder or file of this machine, and where a container finds it."""

    here: Path
    there: Path
    readonly: bool = False

    @classmethod
    def same(cls, path: Path, readonly: bool = False) -> "Mount":
        """A mount at its own path, so that a path means the same on both sides."""
        return cls(path, path, readonly)

    def __str__(self) -> str:
        """As Docker writes it."""
        return f"{self.here}:{self.there}" + (":ro" if self.readonly else "")


def docker_variant(
    project: Project, image: str, mounts: Iterable[Mount], environment: Mapping[str, str]
) -> Project:
    """The project whose entry points run in containers of ``image``.

    Args:
        project: The root's MLproject.
        image: The image's name; it holds the project's code.
        mounts: What the containers see of this machine.
        environment: Variables that they get, none of them a secret: MLflow logs them.

    Raises:
        UserError: If two different folders are to be seen at one place.
    """
    volumes = [str(mount) for mount in _each_once(mounts)]
    variables = [[name, value] for name, value in environment.items()]
    docker = {"image": image, "volumes": volumes, "environment": variables}
    return with_environment(project, "docker_env", docker)


def _each_once(mounts: Iterable[Mount]) -> Iterable[Mount]:
    """One mount for each place, as Docker wants it; it may be written if one of them may."""
    found: dict[str, Mount] = {}
    for mount in mounts:
        place = os.path.normpath(mount.there)
        other = found.setdefault(place, mount)
        if os.path.normpath(other.here) != os.path.normpath(mount.here):
            raise UserError(
                f"A container would see two folders at {place}, {other.here} and {mount.here}; "
                "name the table by its whole path."
            )
        if not mount.readonly:
            found[place] = mount
    return found.values()


def tracking_mounts(tracking_uri: str) -> list[Mount]:
    """The mount by which a container reaches a tracking database that is a file; none for a server.

    It is the file's folder: SQLite writes its journal beside the database.
    """
    parts = urlsplit(tracking_uri)
    if parts.scheme != "sqlite":
        return []
    return [Mount.same(Path(unquote(parts.path.removeprefix("/"))).absolute().parent)]


def artifact_mounts(experiments: "Iterable[Experiment]") -> list[Mount]:
    """The mounts by which a container reaches artifacts that are files of this machine.

    MLflow mounts the part of the run alone, and models lie beside the runs. Where the experiment's
    folder is one of many, as MLflow has it by default, all are mounted: a champion may be of
    another experiment. A folder that cannot be here, since it is one of another machine, is not.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    found = []
    for experiment in experiments:
        location = str(experiment.artifact_location)
        with suppress(MlflowException, OSError):
            if is_local_uri(location, is_tracking_or_registry_uri=False):
                folder = Path(local_file_uri_to_path(location)).absolute()
                among_others = folder.name == str(experiment.experiment_id)
                shared = folder.parent if among_others else folder
                shared.mkdir(parents=True, exist_ok=True)
                found.append(Mount.same(shared))
    return list(dict.fromkeys(found))


def check_no_login(tracking_uri: str) -> None:
    """Refuses a tracking URI by which MLflow would log a login with its call of Docker.

    Raises:
        UserError: If a name or a password stands in it, or it is Databricks', whose token MLflow
            writes there.
    """
    if tracking_uri.partition(":")[0] == "databricks":
        raise UserError(
            "MLflow would log the token of Databricks with its call of Docker; give "
            "backend=databricks, or track on another server."
        )
    if without_login(tracking_uri) != tracking_uri:
        raise UserError(
            "The tracking URI has a login in it, which MLflow would log with its call of Docker; "
            "give the address of a tracking server without one, and set MLFLOW_TRACKING_USERNAME "
            "and MLFLOW_TRACKING_PASSWORD."
        )


def is_loopback(tracking_uri: str) -> bool:
    """Whether a tracking server answers on this machine only."""
    return urlsplit(tracking_uri).hostname in ("localhost", "127.0.0.1", "::1")


def run_arguments(tracking_uri: str, env_file: Path | None = None) -> dict[str, str | bool]:
    """Arguments of ``docker run`` that every step needs.

    Files that a step writes belong to who started it. A container on the host's network reaches a
    tracking server of this machine.

    Args:
        tracking_uri: The tracking store.
        env_file: A file with variables that nothing may log.
    """
    arguments: dict[str, str | bool] = {"init": True, "user": f"{os.getuid()}:0"}
    if is_loopback(tracking_uri):
        arguments["network"] = "host"
    if env_file:
        arguments["env-file"] = str(env_file)
    return arguments
