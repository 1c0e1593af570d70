"""The machines of a batch job: a cluster of Azure ML, which has none while nothing runs."""

import logging
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from throughline.azureml.compute import check_name, find_compute
from throughline.azureml.refusals import refusals
from throughline.errors import UserError
from throughline.strict import Strict

if TYPE_CHECKING:
    from azureml.core import Workspace
    from azureml.core.compute import AmlCompute, ComputeTarget

logger = logging.getLogger(__name__)

_NAMES = {"dedicated": "batch-dedicated", "lowpriority": "batch-low"}


class ClusterOptions(Strict):
    """The machines, of a cluster that is made; one that is there has to be as is asked for.

    Attributes:
        compute: The cluster's name; by default one for each priority.
        vm_size: Their size.
        priority: ``dedicated``, or ``lowpriority``: cheaper, and taken away when others pay more.
        nodes: The most machines at a time.
        idle_seconds: How long a machine without work is kept.
    """

    compute: str | None = None
    vm_size: str = "Standard_DS3_v2"
    priority: Literal["dedicated", "lowpriority"] = "dedicated"
    nodes: int = Field(1, ge=1)
    idle_seconds: int = Field(300, ge=0)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.compute or _NAMES[self.priority]


def cluster(workspace: "Workspace", options: ClusterOptions) -> "AmlCompute":
    """The cluster of the options, which is made if it is not there.

    Args:
        workspace: The workspace.
        options: What it is, or is to be.

    Raises:
        UserError: The name is not allowed or belongs to something else, the cluster that is there
            is another one, or the service refuses it. Nothing is left then that was not there.
    """
    check_name(options.name)
    found = find_compute(workspace, options.name)
    return _checked(found, options) if found else _make(workspace, options)


def _checked(found: "ComputeTarget", options: ClusterOptions) -> "AmlCompute":
    from azureml.core.compute import AmlCompute

    if not isinstance(found, AmlCompute):
        raise UserError(
            f"The compute {found.name} is no cluster of Azure ML but {found.type}; give another "
            "name as -P target_options=compute=..."
        )
    if found.provisioning_state != "Succeeded":
        raise UserError(
            f"The cluster {found.name} is in the state {found.provisioning_state}; delete it in "
            "Azure ML studio, or give another name as -P target_options=compute=..."
        )
    there = {
        "vm_size": str(found.vm_size).lower(),
        "priority": str(found.vm_priority).lower(),
    }
    asked = {name: getattr(options, name).lower() for name in options.model_fields_set & set(there)}
    if other := [name for name in asked if asked[name] != there[name]]:
        raise UserError(
            f"The cluster {found.name} is there with {other[0]}={there[other[0]]}; leave "
            f"{other[0]} out, or give another name as -P target_options=compute=..."
        )
    most = found.scale_settings.maximum_node_count
    if options.nodes > most:
        raise UserError(
            f"The cluster {found.name} has {most} nodes at most; raise that in Azure ML studio, or "
            f"give nodes={most}."
        )
    return found


def _make(workspace: "Workspace", options: ClusterOptions) -> "AmlCompute":
    from azureml.core.compute import AmlCompute, ComputeTarget

    settings = AmlCompute.provisioning_configuration(
        vm_size=options.vm_size,
        vm_priority=options.priority,
        min_nodes=0,
        max_nodes=options.nodes,
        idle_seconds_before_scaledown=options.idle_seconds,
    )
    logger.info("making the cluster %s of %s", options.name, options.vm_size)
    with refusals(f"to make the cluster {options.name}"):
        made = ComputeTarget.create(workspace, options.name, settings)
        try:
            made.wait_for_completion()
        except BaseException:
            made.delete()  # a failed one stays there by that name
            raise
        if made.provisioning_state != "Succeeded":
            why = "; ".join(map(_why, made.provisioning_errors or [])) or made.provisioning_state
            made.delete()
            raise UserError(f"Azure ML could not make the cluster {options.name} ({why}).")
    return made


def _why(told: dict[str, Any]) -> str:
    return str(told.get("error", told).get("message", "")).rstrip(".")
