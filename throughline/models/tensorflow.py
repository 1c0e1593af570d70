"""A network of Keras on TensorFlow, which is an extra of the environment."""

from importlib.util import find_spec
from typing import Any, ClassVar

from throughline.errors import UserError
from throughline.models.family import Parameters, Trained
from throughline.models.keras_family import KerasFamily
from throughline.models.logged import log_model
from throughline.prepared import PreparedTable


class TensorFlow(KerasFamily):
    """Entity embeddings beside the numbers, then dense layers; Keras computes by TensorFlow."""

    name: ClassVar[str] = "tensorflow"
    backend: ClassVar[str] = "tensorflow"

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Trains until the validation loss shows no gain for ``patience`` epochs."""
        refuse_without_tensorflow()
        return super().train(table, parameters)

    def log_native(self, model: Any) -> None:
        """Logs the model in MLflow's TensorFlow flavor."""
        import keras
        import mlflow.tensorflow
        import tensorflow

        log_model(
            mlflow.tensorflow,
            "native",
            model,
            pip_requirements=[
                f"keras=={keras.__version__}",
                f"tensorflow=={tensorflow.__version__}",
            ],
        )


def refuse_without_tensorflow() -> None:
    """Refuses to begin where TensorFlow is not installed.

    Raises:
        UserError: It is not.
    """
    if find_spec("tensorflow") is None:
        raise UserError(
            "This needs TensorFlow, which this environment lacks; install "
            "requirements-tensorflow.txt into a copy of it, or use keras, which computes by torch."
        )
