"""The libraries in which a network's layers may be written; PyTorch computes in both."""

from typing import Literal

from throughline.features.layout import Layout
from throughline.models.network import TabularNetwork
from throughline.models.network_parameters import NetworkParameters
from throughline.models.task_network import TaskNetwork

Library = Literal["torch", "keras"]


def new_network(library: Library, layout: Layout, shape: NetworkParameters) -> TaskNetwork:
    """A network with random weights, drawn by torch's seed.

    Raises:
        UserError: The layout has no feature, or this process has Keras on another backend.
    """
    if library == "torch":
        return TabularNetwork(layout, shape)
    from throughline.models.keras_module import KerasModule

    return KerasModule(layout, shape)
