"""The targets of Azure by name."""

from typing import TYPE_CHECKING

from throughline.azureml.workspace import find_workspace, open_workspace
from throughline.deployment.target import DeploymentTarget
from throughline.deployment.target_options import read_options, refuse_options
from throughline.settings import POLL_SECONDS, number_in

if TYPE_CHECKING:
    from azureml.core import Workspace


def open_azure_target(name: str, options: str, port: int) -> DeploymentTarget:
    """Returns the target of that name.

    Args:
        name: One of ``throughline.deployment.targets.AZURE_TARGETS``.
        options: Its options, as ``key=value`` with commas between.
        port: The port of this machine, of ``aml-local``.

    Raises:
        UserError: An unknown option, no workspace, nobody who is logged in.
    """
    if name == "aci":
        from throughline.azureml.aci import AciOptions, AciTarget

        made_of = read_options(options, AciOptions, name)
        return AciTarget(_workspace(), made_of)
    if name == "aks":
        from throughline.azureml.aks import AksOptions, AksTarget

        on = read_options(options, AksOptions, name)
        return AksTarget(_workspace(), on)
    if name == "aml-batch":
        from throughline.azureml.aml_batch import AmlBatchOptions, AmlBatchTarget

        machines = read_options(options, AmlBatchOptions, name)
        return AmlBatchTarget(_workspace(), machines, number_in(POLL_SECONDS, 5.0))
    if name == "aml-endpoint":
        from throughline.azureml.managed_endpoint import (
            ManagedEndpointOptions,
            ManagedEndpointTarget,
        )

        return ManagedEndpointTarget.open(read_options(options, ManagedEndpointOptions, name))
    if name == "iot-edge":
        from throughline.azureml.iot_edge import IotEdgeOptions, IotEdgeTarget
        from throughline.azureml.iot_hub import IotHub

        image = read_options(options, IotEdgeOptions, name)
        return IotEdgeTarget(IotHub.open(), image)
    from throughline.azureml.aml_local import AmlLocalTarget

    refuse_options(options, name)
    return AmlLocalTarget.open(_workspace, port)


def _workspace() -> "Workspace":
    return open_workspace(find_workspace({}))
