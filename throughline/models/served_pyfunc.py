"""The served model as MLflow loads it: this file is logged as it is ("models from code")."""

from pathlib import Path

import mlflow
from mlflow.pyfunc import PythonModel, PythonModelContext

from throughline.models.served import ServedModel


class ServedPyfunc(PythonModel):  # type: ignore[misc]  # MLflow's class is untyped
    """MLflow's Python model around a :class:`ServedModel`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Loads plan and estimator."""
        self.model = ServedModel.load(Path(context.artifacts["served"]))

    # No type hints here: MLflow reads them as a schema, and the signature says more.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Predicts raw rows."""
        return self.model.predict(model_input)


mlflow.models.set_model(ServedPyfunc())
