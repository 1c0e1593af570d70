"""A trained network as a candidate: served as a graph, logged in its library's MLflow flavor."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch

from throughline.features.assembly import split_matrices
from throughline.models.estimator import OnnxEstimator, Scores
from throughline.models.family import Trained
from throughline.models.keras_module import KerasModule
from throughline.models.keras_served import graph_of_keras, log_keras
from throughline.models.logged import log_model
from throughline.models.network_graph import Scorer, network_graph, random_rows
from throughline.models.onnx_flavor import signature_of_graph
from throughline.models.served_check import first_test_rows, rows_apart
from throughline.models.task_network import TaskNetwork
from throughline.models.tensorflow_module import TensorFlowModule
from throughline.prepared import Columns, PreparedTable


def trained_network(
    table: PreparedTable,
    network: TaskNetwork,
    parameters: Mapping[str, Any],
    figures: Mapping[str, float],
) -> Trained:
    """The candidate that a trained network makes.

    Args:
        table: The prepared table.
        network: The network; it is left in evaluation mode, on the CPU.
        parameters: All parameters it was trained with.
        figures: Figures of the training; how many test rows are scored otherwise is added.
    """
    if isinstance(network, KerasModule | TensorFlowModule):
        graph, log_native = graph_of_keras(network), partial(log_keras, network)
    else:
        graph = network_graph(network)
        log_native = partial(log_torch, network, graph)
    estimator = OnnxEstimator(graph, table.layout, takes_missing=False)
    columns = first_test_rows(table)
    differ = rows_apart(own_scores(network, columns), estimator.predict(columns))
    return Trained(
        estimator=estimator,
        parameters=dict(parameters),
        importances={},
        log_native=log_native,
        metrics={**figures, "rows_scored_otherwise": differ},
    )


def own_scores(network: TaskNetwork, columns: Columns) -> Scores:
    """The network's own scores, (n, outputs)."""
    numeric, categories = split_matrices(columns, network.layout)
    with torch.no_grad():
        scores = Scorer(network)(torch.from_numpy(numeric), torch.from_numpy(categories))
    return scores.numpy().astype(np.float64)


def log_torch(network: TaskNetwork, graph: bytes) -> None:
    """Logs the network as torch.export's program, which loads without this package's classes."""
    import mlflow.pytorch
    import onnx

    log_model(
        mlflow.pytorch,
        "native",
        Scorer(network),
        signature=signature_of_graph(onnx.load_from_string(graph)),
        input_example=tuple(part.numpy() for part in random_rows(network, 2)),
        pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}"],
    )
