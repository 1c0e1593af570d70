"""A network of Keras on its torch backend."""

from typing import Any, ClassVar

from throughline.models.keras_family import KerasFamily
from throughline.models.logged import log_model


class Keras(KerasFamily):
    """Entity embeddings beside the numbers, then dense layers; Keras computes by PyTorch."""

    name: ClassVar[str] = "keras"
    backend: ClassVar[str] = "torch"

    def log_native(self, model: Any) -> None:
        """Logs Keras' own file; to load it, set KERAS_BACKEND=torch where Keras is new."""
        import keras
        import mlflow.keras
        import torch

        log_model(
            mlflow.keras,
            "native",
            model,
            pip_requirements=[
                f"keras=={keras.__version__}",
                f"torch=={torch.__version__.partition('+')[0]}",
            ],
        )
