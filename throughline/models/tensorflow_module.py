"""A network of Keras on TensorFlow, with the methods by which the training asks any network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from throughline.features.layout import Layout
from throughline.models.keras_network import build, keras_on
from throughline.models.network_parameters import NetworkParameters
from throughline.models.task_network import TaskNetwork
from throughline.models.tensorflow import refuse_without_tensorflow


class TensorFlowModule(TaskNetwork):
    """The network of the family ``tensorflow``, which torch knows from outside only.

    What it is called with and what it answers are torch's tensors, without gradients. Its state has
    Keras' own names for the weights, as torch's tensors. The states of seeds are left out: each
    epoch sets them.

    Args:
        layout: The features and the task.
        shape: The shape of the network; ``norm`` and ``residual`` are not read.

    Raises:
        UserError: The layout has no feature, there is no TensorFlow, or this process has Keras on
            another backend.
    """

    def __init__(self, layout: Layout, shape: NetworkParameters) -> None:
        super().__init__(layout)
        refuse_without_tensorflow()
        keras = keras_on("tensorflow")
        import tensorflow as tf

        keras.utils.set_random_seed(torch.initial_seed() % 2**32)  # as torch's own layers are drawn
        self.model = build(keras, layout, shape)
        self._answer = tf.function(
            lambda read: self.model(read, training=False), reduce_retracing=True
        )

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Maps numeric, float32 [n, k], and categories, int64 [n, c], to logits [n, outputs]."""
        logits = self._answer(self.inputs(numeric, categories))
        return torch.from_numpy(logits.numpy())

    def inputs(self, numeric: Tensor, categories: Tensor) -> dict[str, Any]:
        """The columns as Keras' network reads them; an input without columns is not there."""
        import tensorflow as tf

        there = {"numeric": numeric.numpy(), "categories": categories.int().numpy()}
        return {n: tf.convert_to_tensor(values) for n, values in there.items() if values.shape[1]}

    def seed(self, seed: int) -> None:
        """Sets the states from which dropout draws."""
        weights = {id(variable) for variable in self.model.weights}
        states = (variable for variable in self.model.variables if id(variable) not in weights)
        for number, state in enumerate(states):  # a state counts its steps in the second number
            state.assign(np.array([(seed + number * 1_000_003_007) % (2**31 - 2), 0]))

    def statistics(self) -> list[Tensor]:
        """What batch norm has gathered."""
        return [tensor_of(variable) for variable in self.model.non_trainable_weights]

    def set_statistics(self, values: Sequence[Tensor]) -> None:
        """Replaces what :meth:`statistics` gives, in its order."""
        for variable, value in zip(self.model.non_trainable_weights, values, strict=True):
            variable.assign(value.numpy())

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        """Adds the weights by Keras' names; torch asks this for the module's state."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for variable in self.model.weights:
            destination[prefix + variable.path] = tensor_of(variable)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Takes the weights out of a state and goes on from them; torch takes the remainder."""
        for variable in self.model.weights:
            variable.assign(state_dict.pop(prefix + variable.path).numpy())
        super()._load_from_state_dict(state_dict, prefix, *rest)


def tensor_of(variable: Any) -> Tensor:
    """A copy of the value of a variable of Keras'."""
    return torch.from_numpy(np.array(variable.numpy()))
