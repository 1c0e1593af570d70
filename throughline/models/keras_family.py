"""What the families of Keras have in common."""

import math
from typing import Any, ClassVar

import numpy as np

from throughline.features.assembly import split_matrices
from throughline.features.layout import Layout
from throughline.models.estimator import OnnxEstimator
from throughline.models.family import Parameters, Trained, refuse_missing, with_defaults
from throughline.models.keras_graph import keras_graph
from throughline.models.keras_network import build, keras_on, loss_of, with_scores
from throughline.models.network_parameters import (
    NetworkParameters,
    NetworkTraining,
    refused_rate,
    shape_and_training,
)
from throughline.models.served_check import first_test_rows, rows_apart
from throughline.prepared import Columns, PreparedTable

_SHAPE = {"hidden", "dropout", "embedding_rule", "max_embedding"}


class KerasFamily:
    """A network of Keras on one of its backends, with the table in memory."""

    name: ClassVar[str]
    backend: ClassVar[str]

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The network's shape and its training."""
        shape = NetworkParameters().model_dump(include=_SHAPE)
        return {**shape, **NetworkTraining().model_dump()}

    def log_native(self, model: Any) -> None:
        """Logs the model in its library's MLflow flavor, in the active run."""
        raise NotImplementedError

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Trains until the validation loss shows no gain for ``patience`` epochs."""
        chosen = with_defaults(self, table, parameters)
        shape, training = shape_and_training(self.name, chosen)
        refuse_missing(self.name, table)
        keras, layout = keras_on(self.backend), table.layout
        keras.utils.set_random_seed(training.seed)
        network = build(keras, layout, shape)
        label = table.columns("train")[layout.label]
        target = (float(np.mean(label)), float(np.std(label)) or 1.0)
        losses = _fit(keras, network, table, training, target)
        scorer = with_scores(keras, network, layout, target)
        graph = keras_graph(network, layout, target)
        estimator = OnnxEstimator(graph, layout, takes_missing=False)
        columns = first_test_rows(table)
        own = scorer.predict(inputs_of(columns, layout), batch_size=8192, verbose=0)
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances={},
            log_native=lambda: self.log_native(scorer),
            metrics={
                "epochs_run": float(len(losses)),
                "best_epoch": float(np.argmin(losses) + 1),
                "validation_loss": min(losses),
                "rows_scored_otherwise": rows_apart(own, estimator.predict(columns)),
            },
            settled={"epochs": int(np.argmin(losses) + 1), "patience": None},
        )


def _fit(
    keras: Any,
    network: Any,
    table: PreparedTable,
    training: NetworkTraining,
    target: tuple[float, float],
) -> list[float]:
    """Trains the network, leaves it with the weights of the best epoch; the validation losses."""
    layout = table.layout
    mean, deviation = target if layout.task == "regression" else (0.0, 1.0)
    train, validation = table.columns("train"), table.columns("validation")
    network.compile(
        keras.optimizers.AdamW(training.learning_rate, weight_decay=training.weight_decay),
        loss_of(keras, layout),
        jit_compile=False,
    )
    patience = training.patience or training.epochs
    history = network.fit(
        inputs_of(train, layout),
        (train[layout.label] - mean) / deviation,
        sample_weight=train.get(layout.weight or ""),
        validation_data=(
            inputs_of(validation, layout),
            (validation[layout.label] - mean) / deviation,
        ),
        batch_size=training.batch_size,
        epochs=training.epochs,
        callbacks=[
            keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True),
            keras.callbacks.TerminateOnNaN(),
        ],
        verbose=0,
    ).history["val_loss"]
    losses = [float(loss) for loss in history]
    if not all(map(math.isfinite, losses)):
        raise refused_rate(len(losses), training)
    return losses


def inputs_of(columns: Columns, layout: Layout) -> dict[str, Any]:
    """Prepared columns as the network reads them; an input without columns is not there."""
    numeric, categories = split_matrices(columns, layout)
    there = {"numeric": numeric, "categories": categories.astype(np.int32)}
    return {name: values for name, values in there.items() if values.shape[1]}
