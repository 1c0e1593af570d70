"""scikit-learn's ridge and logistic regression."""

from typing import Any, ClassVar

import numpy as np

from throughline.features.layout import Layout
from throughline.models.dense_graph import Weights, dense_graph
from throughline.models.linear_importances import linear_importances
from throughline.models.sklearn_family import SklearnFamily
from throughline.prepared import PreparedTable


class SklearnLinear(SklearnFamily):
    """Ridge regression, or logistic regression for a classification; scale the features first."""

    name: ClassVar[str] = "sklearn_linear"
    takes_missing: ClassVar[bool] = False

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """A light ridge penalty."""
        if table.layout.task == "regression":
            return {"alpha": 1.0, "solver": "auto", "tol": 1e-4, "random_state": 7}
        return {"C": 1.0, "max_iter": 300, "solver": "lbfgs", "tol": 1e-4, "random_state": 7}

    def learner(self, layout: Layout) -> Any:
        """scikit-learn's class."""
        from sklearn.linear_model import LogisticRegression, Ridge

        return Ridge if layout.task == "regression" else LogisticRegression

    def graph(self, model: Any, layout: Layout) -> bytes:
        """The coefficients as a graph."""
        return dense_graph([(_weights(model), np.atleast_1d(model.intercept_))], layout)

    def importances(self, model: Any, table: PreparedTable) -> dict[str, float]:
        """By the size of the coefficients."""
        return linear_importances(_weights(model), table)


def _weights(model: Any) -> Weights:
    return np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)).T
