"""A network of Keras for tables: entity embeddings beside the numbers, then dense layers.

Categories as embeddings: C. Guo and F. Berkhahn, "Entity Embeddings of Categorical Variables",
arXiv:1604.06737, 2016.
"""

import os
import sys
from typing import Any

from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.models.network_parameters import NetworkParameters, embedding_size

NORM, EMBEDDING, DENSE = "norm", "embedding", "dense"
"""How the layers that have weights are called; embeddings and dense layers are numbered."""


def keras_on(backend: str) -> Any:
    """Keras on a backend.

    Raises:
        UserError: If this process has Keras on another one already: it cannot change.
    """
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = backend
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # else TensorFlow tells what it could do
    import keras

    if (running := keras.backend.backend()) != backend:
        raise UserError(
            f"This process runs Keras on {running}, and cannot change to {backend}; "
            "train the model in a run of its own (-P model=...)."
        )
    return keras


def build(keras: Any, layout: Layout, shape: NetworkParameters) -> Any:
    """The network from ``numeric`` and ``categories`` (where there are any) to margins."""
    layers = keras.layers
    inputs, parts = {}, []
    if layout.numeric:
        inputs["numeric"] = keras.Input((len(layout.numeric),), name="numeric")
        parts.append(layers.BatchNormalization(name=NORM)(inputs["numeric"]))
    if layout.categories:
        codes = keras.Input((len(layout.categories),), dtype="int32", name="categories")
        inputs["categories"] = codes
        for i, feature in enumerate(layout.categories):
            count = feature.cardinality or 1
            size = embedding_size(count, shape)
            parts.append(layers.Embedding(count, size, name=f"{EMBEDDING}_{i}")(codes[:, i]))
    values = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
    for i, width in enumerate(shape.hidden):
        values = layers.Dense(width, activation="relu", name=f"{DENSE}_{i}")(values)
        values = layers.Dropout(shape.dropout)(values)
    margins = layers.Dense(layout.outputs, name=f"{DENSE}_{len(shape.hidden)}")(values)
    return keras.Model(inputs, margins)


def loss_of(keras: Any, layout: Layout) -> Any:
    """The loss of margins: of a regression the squared error of the standardised label."""
    if layout.task == "regression":
        return keras.losses.MeanSquaredError()
    if layout.binary:
        return keras.losses.BinaryCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def with_scores(keras: Any, network: Any, layout: Layout, target: tuple[float, float]) -> Any:
    """The network with its last step, from margins to scores.

    Args:
        keras: The library.
        network: What :func:`build` made.
        layout: The layout of the prepared table.
        target: The mean and the deviation of the training label, of a regression.
    """
    if layout.task == "regression":
        mean, deviation = target
        last = keras.layers.Rescaling(deviation, offset=mean)
    else:
        last = keras.layers.Activation("sigmoid" if layout.binary else "softmax")
    return keras.Model(network.inputs, last(network.output))
