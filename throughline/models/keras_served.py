"""A network of Keras that was trained through a module: its graph, and how it is logged."""

from throughline.models.keras import Keras
from throughline.models.keras_graph import keras_graph
from throughline.models.keras_module import KerasModule
from throughline.models.keras_network import keras_on, with_scores
from throughline.models.tensorflow import TensorFlow
from throughline.models.tensorflow_module import TensorFlowModule


def graph_of_keras(network: KerasModule | TensorFlowModule) -> bytes:
    """The ONNX model of a network; see ``keras_graph``."""
    return keras_graph(network.model, network.layout, network.target)


def log_keras(network: KerasModule | TensorFlowModule) -> None:
    """Logs the network, with its last step, in its library's MLflow flavor, in the active run."""
    family = TensorFlow() if isinstance(network, TensorFlowModule) else Keras()
    keras = keras_on(family.backend)
    family.log_native(with_scores(keras, network.model, network.layout, network.target))
