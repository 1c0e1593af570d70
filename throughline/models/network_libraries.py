"""The libraries in which a network's layers may be written; of Keras', PyTorch computes them."""

from typing import Literal

from throughline.features.layout import Layout
from throughline.models.network import TabularNetwork
from throughline.models.network_parameters import NetworkParameters
from throughline.models.task_network import TaskNetwork

Library = Literal["torch", "keras", "tensorflow"]


def new_network(library: Library, layout: Layout, shape: NetworkParameters) -> TaskNetwork:
    """A network with random weights, drawn by torch's seed.

    Raises:
        UserError: The layout has no feature, this process has Keras on another backend, or the
            library is not installed.
    """
    if library == "torch":
        return TabularNetwork(layout, shape)
    if library == "tensorflow":
        from throughline.models.tensorflow_module import TensorFlowModule

        return TensorFlowModule(layout, shape)
    from throughline.models.keras_module import KerasModule

    return KerasModule(layout, shape)
