"""A small served model: raw row in; prediction, probability and threshold out."""

import mlflow
import numpy as np
import pandas as pd


class LateModel(mlflow.pyfunc.PythonModel):
    """A logistic curve over the distance; its config shifts it, or breaks it on purpose."""

    def load_context(self, context):
        self.config = context.model_config
        if self.config.get("dies"):
            raise ImportError("no module named 'a_library_that_is_not_here'")

    def predict(self, context, model_input, params=None):
        if (model_input["carrier"] == "BUG").any():
            raise RuntimeError("a secret of the model")
        wind = model_input["wind"] if "wind" in model_input else pd.Series(0.0, model_input.index)
        score = model_input["distance"] / 1000 + wind.fillna(0.0) / 10 + self.config["shift"]
        score = (score + (model_input["carrier"] == "UA")).to_numpy(dtype=float)
        if self.config.get("unstable"):
            score += np.random.default_rng().normal(size=len(score))
        probability = 1 / (1 + np.exp(-score))
        prediction = (probability >= 0.5).astype(int)
        return pd.DataFrame(
            {"prediction": prediction, "probability": probability, "threshold": 0.5}
        )


mlflow.models.set_model(LateModel())
