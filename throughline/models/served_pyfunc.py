"""The served model as MLflow loads it: this file is logged as it is ("models from code")."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from throughline.models.served import ServedModel


class ServedPyfunc(PythonModel):
    """MLflow's Python model around a :class:`ServedModel`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Loads plan and estimator."""
        self.model = ServedModel.load(Path(context.artifacts["served"]))

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Predicts raw rows."""
        return self.model.predict(model_input)


mlflow.models.set_model(ServedPyfunc())
