"""The ONNX form of a candidate's model, in MLflow's flavor."""

import logging
from typing import TYPE_CHECKING

import numpy as np

from throughline.features.assembly import narrow_matrix
from throughline.models.estimator import OnnxEstimator
from throughline.models.family import Trained
from throughline.models.logged import log_model
from throughline.models.served_check import first_test_rows, rows_apart
from throughline.prepared import PreparedTable

if TYPE_CHECKING:
    import onnx
    from mlflow.models import ModelSignature

logger = logging.getLogger(__name__)


def log_onnx(table: PreparedTable, trained: Trained) -> None:
    """Logs the model as ``onnx`` in the active run: prepared features in, scores out.

    Of a model that is served in another form, ``onnx_rows_scored_otherwise`` counts the first test
    rows that the graph scores apart from what is served.
    """
    import mlflow.onnx
    import onnx
    import onnxruntime

    graph = onnx_of(trained)
    if graph is None:
        logger.warning("the model has no ONNX form; only its own format is logged")
        return
    if not isinstance(trained.estimator, OnnxEstimator):
        mlflow.log_metric("onnx_rows_scored_otherwise", onnx_rows_apart(table, trained, graph))
    model = onnx.load_from_string(graph)
    log_model(
        mlflow.onnx,
        "onnx",
        model,
        signature=signature_of_graph(model),
        pip_requirements=[f"{p.__name__}=={p.__version__}" for p in (onnx, onnxruntime)],
        save_as_external_data=False,
    )


def onnx_of(trained: Trained) -> bytes | None:
    """The model as ONNX: what is served, or what its family exports."""
    if isinstance(trained.estimator, OnnxEstimator):
        return trained.estimator.model
    return trained.export_onnx() if trained.export_onnx else None


def onnx_rows_apart(table: PreparedTable, trained: Trained, graph: bytes) -> float:
    """How many of the first test rows a graph over the narrow matrix scores not as served."""
    import onnxruntime

    columns = first_test_rows(table)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    rows = narrow_matrix(columns, table.layout)
    (found,) = session.run(["scores"], {"features": rows})
    return rows_apart(trained.estimator.predict(columns), np.asarray(found))


def signature_of_graph(model: "onnx.ModelProto") -> "ModelSignature":
    """A graph's inputs and outputs, with any number of rows."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec
    from onnx import helper

    def schema(values: "list[onnx.ValueInfoProto]") -> Schema:
        specs: list[ColSpec | TensorSpec] = []
        for value in values:
            tensor = value.type.tensor_type
            sizes = [size.dim_value for size in tensor.shape.dim][1:]
            kind = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.elem_type))
            specs.append(TensorSpec(kind, (-1, *sizes), value.name))
        return Schema(specs)

    return ModelSignature(schema(list(model.graph.input)), schema(list(model.graph.output)))
