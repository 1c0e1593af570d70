"""The Docker engine of this machine, and what its containers say."""

from typing import TYPE_CHECKING

from throughline.errors import UserError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

SECONDS = 600
"""How long the engine may take for one answer: a build ends with a long one."""


def docker_engine() -> "DockerClient":
    """Connects to the engine that DOCKER_HOST names, or to this machine's own.

    Raises:
        UserError: If none answers.
    """
    import docker
    from docker.errors import DockerException

    try:
        engine = docker.from_env(timeout=SECONDS)
        engine.ping()
    except DockerException as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"No Docker engine answers ({reason}); start one, or set DOCKER_HOST to one that runs."
        ) from None
    return engine


def last_lines(container: "Container", lines: int) -> list[str]:
    """The last lines of a container's log that are not blank."""
    text = container.logs(tail=lines).decode("utf-8", errors="replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()]
