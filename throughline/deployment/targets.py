"""The deployment targets by name."""

from pathlib import Path

from throughline.deployment.target import DeploymentTarget
from throughline.errors import UserError

AZURE_TARGETS = ("aci", "aks", "aml-batch", "aml-endpoint", "aml-local", "iot-edge")
TARGETS = ("local", "docker", "databricks", *AZURE_TARGETS)


def open_target(
    name: str, data_root: str, port: int, host: str = "none", options: str = "none"
) -> DeploymentTarget:
    """Returns the target of that name.

    Args:
        name: One of ``TARGETS``.
        data_root: A local folder; the local target keeps its state and logs below it.
        port: The TCP port of an endpoint on this machine.
        host: The address it listens on, of the local target; none for the one that it has.
        options: What else a target of Azure takes, as ``key=value`` with commas between.

    Raises:
        UserError: An unknown target or option, a data root that is no local folder, an impossible
            port, or a host that others reach while there is no token.
    """
    if name not in TARGETS:
        raise UserError(f"there is no target {name!r}; give -P target= one of {', '.join(TARGETS)}")
    if name in AZURE_TARGETS:
        from throughline.azureml.targets import open_azure_target

        return open_azure_target(name, options, port)
    if options != "none":
        from throughline.deployment.target_options import refuse_options

        refuse_options(options, name)
    if name == "databricks":
        from throughline.databricks.serving_target import DatabricksTarget

        return DatabricksTarget.open()
    _check_port(port)
    if name == "docker":
        from throughline.deployment.docker import HOST, DockerTarget

        if host not in ("none", HOST):
            raise UserError(
                f"the target docker serves on {HOST}; leave -P host= out, or give -P target=local"
            )
        return DockerTarget(port)
    from throughline.deployment.local import LocalTarget
    from throughline.deployment.token import check_host

    given = None if host == "none" else host
    if given:
        check_host(given)
    return LocalTarget(_local_folder(data_root) / "deployments", port, given)


def check_endpoint(name: str, data_root: str, port: int, model: str) -> None:
    """Checks what can be known of an endpoint before there is a model for it.

    Args:
        name: The target's name.
        data_root: As of :func:`open_target`.
        port: As of :func:`open_target`.
        model: The registered name of the model to come.

    Raises:
        UserError: An impossible port, or, on this machine, one that another model's endpoint or
            another program has.
    """
    _check_port(port)
    if name == "local" and not _is_remote(data_root):
        from throughline.deployment.local import LocalTarget

        LocalTarget(_local_folder(data_root) / "deployments", port).check_port(model)


def _check_port(port: int) -> None:
    if not 1 <= port <= 65535:
        raise UserError(f"port {port} does not exist; give -P port= a number from 1 to 65535")


def _is_remote(data_root: str) -> bool:
    path = data_root.removeprefix("file://")
    return "://" in path or path.startswith("dbfs:")


def _local_folder(data_root: str) -> Path:
    path = data_root.removeprefix("file://")
    if _is_remote(data_root):
        raise UserError(
            f"the local target keeps its state in a folder of this machine, and {data_root} "
            "is none; give -P data_root= a local folder"
        )
    return Path(path).absolute()
