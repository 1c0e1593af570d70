"""What the families of scikit-learn have in common."""

import os
import re
from importlib.metadata import version
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from throughline.features.assembly import wide_matrix
from throughline.features.layout import Layout
from throughline.models.estimator import OnnxEstimator, Scores
from throughline.models.family import (
    Parameters,
    Trained,
    refuse_missing,
    refused_parameters,
    with_defaults,
)
from throughline.models.logged import log_model
from throughline.models.served_check import first_test_rows, rows_apart
from throughline.prepared import PreparedTable

CORES = os.cpu_count() or 1


class SklearnFamily:
    """An estimator of scikit-learn over the wide matrix, served as an ONNX graph of its own.

    The names of the parameters are scikit-learn's own.

    Attributes:
        takes_missing: Whether a feature may have missing values.
        trusted: Types that skops, which stores the native model, loads only where they are named:
            a damaged file of one could crash the process.
    """

    name: ClassVar[str]
    takes_missing: ClassVar[bool] = True
    trusted: ClassVar[tuple[str, ...]] = ()

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The parameters that a recipe may change."""
        raise NotImplementedError

    def learner(self, layout: Layout) -> Any:
        """scikit-learn's class for the table's task."""
        raise NotImplementedError

    def fit(self, table: PreparedTable, learner: Any) -> Any:
        """The learner, trained on the part ``train``."""
        rows, label, weight = arrays(table, "train")
        return learner.fit(rows, label, sample_weight=weight)

    def graph(self, model: Any, layout: Layout) -> bytes:
        """The ONNX model, from ``features`` to ``scores``."""
        raise NotImplementedError

    def importances(self, model: Any, table: PreparedTable) -> dict[str, float]:
        """Each feature's importance."""
        raise NotImplementedError

    def metrics(self, model: Any) -> dict[str, float]:
        """Further figures of the training."""
        return {}

    def settled(self, model: Any) -> dict[str, Any]:
        """The parameters by which a training without validation rows ends where this one did."""
        return {}

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Trains on the part ``train``."""
        from sklearn.utils._param_validation import InvalidParameterError

        chosen = with_defaults(self, table, parameters)
        learner = self.learner(table.layout)(**chosen)
        if not self.takes_missing:
            refuse_missing(self.name, table)
        try:
            model = self.fit(table, learner)
        except InvalidParameterError as error:
            raise refused_parameters(self.name, str(error).rstrip(".")) from None
        except ValueError as error:  # values that do not go together; another error is a bug
            reason = str(error).partition(". ")[0]
            if not any(re.search(rf"\b{name}\b", reason) for name in chosen):
                raise
            raise refused_parameters(self.name, reason) from None
        graph = self.graph(model, table.layout)
        estimator = OnnxEstimator(graph, table.layout, takes_missing=self.takes_missing)
        differ = rows_scored_otherwise(table, model, estimator)
        return Trained(
            estimator=estimator,
            parameters=chosen,
            importances=self.importances(model, table),
            log_native=lambda: _log_native(model, self.trusted),
            metrics={**self.metrics(model), "rows_scored_otherwise": differ},
            settled=self.settled(model),
        )


def arrays(
    table: PreparedTable, part: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any], npt.NDArray[Any] | None]:
    """A part's wide matrix, its label, and the weights of its rows if they have any."""
    columns = table.columns(part)
    weight = columns.get(table.layout.weight or "")
    return wide_matrix(columns, table.layout), columns[table.layout.label], weight


def scores_of(model: Any, rows: npt.NDArray[np.float32], layout: Layout) -> Scores:
    """scikit-learn's own scores, in the form of an estimator's: (n, outputs)."""
    if layout.task == "regression":
        return np.asarray(model.predict(rows), dtype=np.float64)[:, np.newaxis]
    found = np.asarray(model.predict_proba(rows), dtype=np.float64)
    return found[:, 1:] if layout.binary else found


def rows_scored_otherwise(table: PreparedTable, model: Any, estimator: OnnxEstimator) -> float:
    """How many of the first test rows scikit-learn and the served estimator score apart."""
    columns = first_test_rows(table)
    own = scores_of(model, wide_matrix(columns, table.layout), table.layout)
    return rows_apart(own, estimator.predict(columns))


def _log_native(model: Any, trusted: tuple[str, ...]) -> None:
    import mlflow.sklearn
    import sklearn

    log_model(
        mlflow.sklearn,
        "native",
        model,
        pip_requirements=[f"scikit-learn=={sklearn.__version__}", f"skops=={version('skops')}"],
        skops_trusted_types=list(trusted),
    )
