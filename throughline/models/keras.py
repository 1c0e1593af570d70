"""A network of Keras on its torch backend."""

from typing import Any, ClassVar

from throughline.models.keras_family import KerasFamily


class Keras(KerasFamily):
    """Entity embeddings beside the numbers, then dense layers; Keras computes by PyTorch."""

    name: ClassVar[str] = "keras"
    backend: ClassVar[str] = "torch"

    def log_native(self, model: Any) -> None:
        """Logs Keras' own file; to load it, set KERAS_BACKEND=torch where Keras is new."""
        import keras
        import mlflow.keras
        import torch

        mlflow.keras.log_model(
            model,
            name="native",
            pip_requirements=[
                f"keras=={keras.__version__}",
                f"torch=={torch.__version__.partition('+')[0]}",
            ],
        )
