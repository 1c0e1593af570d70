"""What the libraries in which a network may be written need and give."""

import contextlib

from throughline.features.layout import Layout
from throughline.models.network import TabularNetwork
from throughline.models.network_parameters import Library, NetworkParameters
from throughline.models.task_network import TaskNetwork


def check_library(library: Library) -> None:
    """Checks that this process can have a network of a library, before others train it for long.

    Raises:
        UserError: The library is not installed, or this process has Keras on another backend.
    """
    if library == "torch":
        return
    from throughline.models.keras_network import keras_on
    from throughline.models.tensorflow import refuse_without_tensorflow

    if library == "keras":
        keras_on("torch")
        return
    refuse_without_tensorflow()
    keras_on("tensorflow")
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):  # else it takes the workers' memory
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)


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
