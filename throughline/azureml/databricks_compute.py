"""The Databricks workspace as a compute of the Azure ML workspace: attached once, used again."""

import contextlib
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughline.azureml.compute import check_name, find_compute
from throughline.azureml.refusals import reason, refusals
from throughline.errors import UserError

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.compute import ComputeTarget, DatabricksCompute

logger = logging.getLogger(__name__)

TOKEN = "DATABRICKS_TOKEN"  # noqa: S105 (the variable's name)


@dataclass(frozen=True)
class DatabricksWorkspace:
    """A Databricks workspace, by its names in Azure.

    Attributes:
        name: Its name; empty if none was given.
        group: Its resource group; empty for that of the Azure ML workspace.
    """

    name: str = ""
    group: str = ""


def attached(
    workspace: "Workspace", name: str, databricks: DatabricksWorkspace
) -> "DatabricksCompute":
    """The compute of this name, which is attached if it is not there.

    Args:
        workspace: The Azure ML workspace.
        name: The compute's name in it.
        databricks: What it stands for; it need not be said of a compute that is there.

    Raises:
        UserError: The name is not allowed or belongs to something else, what attaching needs is
            missing, or the service refuses it. Nothing is left then that was not there before.
    """
    check_name(name)
    if found := find_compute(workspace, name):
        return _checked(found, databricks)
    if not databricks.name:
        raise UserError(
            f"The workspace {workspace.name} has no compute {name}; give databricks_workspace the "
            "name of the Databricks workspace to attach."
        )
    if not (token := os.environ.get(TOKEN)):
        raise UserError(
            f"Attaching the Databricks workspace {databricks.name} needs its access token; set "
            f"{TOKEN}."
        )
    return _attach(workspace, name, databricks, token)


def detach(workspace: "Workspace", name: str) -> bool:
    """Detaches a compute of Databricks; returns whether it was there.

    Raises:
        UserError: It is something else, or the service refuses.
    """
    if not (found := find_compute(workspace, name)):
        return False
    compute = _checked(found, DatabricksWorkspace(), broken=True)
    with refusals(f"to detach the compute {name}"):
        compute.detach()
    return True


def _checked(
    found: "ComputeTarget", databricks: DatabricksWorkspace, broken: bool = False
) -> "DatabricksCompute":
    from azureml.core.compute import DatabricksCompute

    if not isinstance(found, DatabricksCompute):
        raise UserError(
            f"The compute {found.name} is no Databricks workspace but {found.type}; give compute "
            "another name."
        )
    group, name = _names(found)
    other = (databricks.name or name).lower() != name.lower()
    if other or (databricks.group or group).lower() != group.lower():
        raise UserError(
            f"The compute {found.name} is the Databricks workspace {name} in the resource group "
            f"{group} already; give compute another name."
        )
    if found.provisioning_state != "Succeeded" and not broken:
        raise UserError(
            f"The compute {found.name} is in the state {found.provisioning_state}"
            f"{_why(found)}; detach it with action=remove, and attach it again."
        )
    return found


def _names(compute: "DatabricksCompute") -> tuple[str, str]:
    """The resource group and the name of the Databricks workspace."""
    parts = str(compute.cluster_resource_id).split("/")
    return parts[4], parts[-1]


def _attach(
    workspace: "Workspace", name: str, databricks: DatabricksWorkspace, token: str
) -> "DatabricksCompute":
    from azureml.core.compute import ComputeTarget, DatabricksCompute
    from azureml.exceptions import ComputeTargetException

    group = databricks.group or workspace.resource_group
    settings = DatabricksCompute.attach_configuration(
        resource_group=group, workspace_name=databricks.name, access_token=token
    )
    logger.info("attaching the Databricks workspace %s as the compute %s", databricks.name, name)
    with refusals(f"to attach the compute {name}"):
        compute = ComputeTarget.attach(workspace, name, settings)
        try:
            with contextlib.redirect_stdout(None):
                compute.wait_for_completion()
        except ComputeTargetException as error:
            why = _why(compute) or f" ({reason(error)})"
            compute.detach()  # a failed one stays there by that name
            raise UserError(
                f"Azure ML could not attach the Databricks workspace {databricks.name}{why}; "
                f"check its name, its resource group {group} and {TOKEN}."
            ) from None
        except BaseException:
            compute.detach()
            raise
    return compute


def _why(compute: "ComputeTarget") -> str:
    errors = compute.provisioning_errors or []
    messages = [one.get("error", one).get("message", "") for one in errors]
    return f" ({'; '.join(messages).rstrip('.')})" if any(messages) else ""
