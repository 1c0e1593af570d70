"""A network of Keras as a module of PyTorch, which anything that trains modules can train."""

from typing import Any

import torch
from torch import Tensor, nn

from throughline.features.layout import Layout
from throughline.models.keras_network import build, keras_on
from throughline.models.network_parameters import NetworkParameters
from throughline.models.task_network import TaskNetwork


class KerasModule(TaskNetwork):
    """The network of the family ``keras``, whose variables on its torch backend are parameters.

    The module knows them by Keras' own names. The states of seeds are left out: Keras' dropout on
    torch draws from torch's generator. What batch norm gathers are parameters without gradients.

    Args:
        layout: The features and the task.
        shape: The shape of the network; ``norm`` and ``residual`` are not read.

    Raises:
        UserError: The layout has no feature, or this process has Keras on another backend.
    """

    def __init__(self, layout: Layout, shape: NetworkParameters) -> None:
        super().__init__(layout)
        keras = keras_on("torch")
        keras.utils.set_random_seed(torch.initial_seed() % 2**32)  # as torch's own layers are drawn
        self.keras = (build(keras, layout, shape),)  # in a tuple: torch would register it whole
        weights = {variable.path: variable.value for variable in self.model.weights}
        self.weights = nn.ParameterDict(weights)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Maps numeric, float32 [n, k], and categories, int64 [n, c], to logits [n, outputs]."""
        there = {"numeric": numeric, "categories": categories.int()}
        read = {name: values for name, values in there.items() if values.shape[1]}
        logits: Tensor = self.model(read, training=self.training)
        return logits

    @property
    def model(self) -> Any:
        """Keras' own model, from its inputs to logits."""
        return self.keras[0]
