"""The interface of what runs a step of the chain, and the backends by name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from throughline.dbfs import on_databricks
from throughline.errors import UserError

if TYPE_CHECKING:
    from throughline.recipe.recipe import Recipe
    from throughline.step import Parser

BACKENDS = ("local", "in_process", "docker", "databricks")


class Backend(Protocol):
    """Runs entry points of this project, each as a run below the active one."""

    def run(self, step: str, parameters: dict[str, str]) -> str:
        """Runs an entry point to its end and returns its run's id.

        Raises:
            UserError: If the step ended with a user's mistake.
            RuntimeError: If it ended in another way than well.
        """

    def deploys_to(self) -> str:
        """The deployment target that a chain on this backend ends with."""

    def shares_data(self) -> bool:
        """Whether this process sees the data that the steps do, and so can tell what changed."""


@dataclass(frozen=True)
class BackendOptions:
    """What a user says about where the steps run.

    Attributes:
        name: One of ``BACKENDS``, or ``auto``: on Databricks in this process, else local.
        config: The backend's own file: the cluster of ``databricks``, the image of ``docker``.
        env_manager: What ``mlflow run`` makes the environment with, of ``local``.
        data_root: Where tables are written.
    """

    name: str
    config: str
    env_manager: str
    data_root: str

    @classmethod
    def add_to(cls, parser: "Parser") -> None:
        """Adds the arguments of ``main`` that say where its steps run."""
        parser.add_argument(
            "--backend", default="auto", help=f"where steps run: auto, {', '.join(BACKENDS)}"
        )
        parser.add_argument(
            "--backend_config", default="none", help="a cluster's JSON file, or an image's name"
        )
        parser.add_argument(
            "--env_manager", default="local", help="for the steps, as mlflow run has it"
        )


def open_backend(options: BackendOptions, recipe: "Recipe") -> Backend:
    """The backend that the options name.

    Args:
        options: What the user said.
        recipe: Tells which local files the steps read.

    Raises:
        UserError: If there is none of that name, or it cannot work with the other options; before
            anything is started.
    """
    name = options.name
    if name == "auto":
        name = "in_process" if on_databricks() else "local"
    if name == "local":
        from throughline.chain.local import LocalBackend
        from throughline.checkout import project_root
        from throughline.packaging.environments import check_env_manager

        check_env_manager(options.env_manager, project_root())
        return LocalBackend(options.env_manager)
    if name == "in_process":
        from throughline.chain.in_process import InProcessBackend

        return InProcessBackend.open()
    if name == "docker":
        from throughline.chain.docker import DockerBackend

        return DockerBackend.open(options, recipe)
    if name == "databricks":
        from throughline.databricks.backend import DatabricksBackend

        return DatabricksBackend.open(options.config, options.data_root)
    raise UserError(f"There is no backend {name!r}; give backend auto, {', '.join(BACKENDS)}.")
