"""The served model as MLflow loads it: this file is logged as it is ("models from code")."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import polars as pl
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PythonModel, PythonModelContext

from throughline.contract.contract import clauses
from throughline.contract.request_check import Warnings, check_request
from throughline.models.raw_frame import raw_frame, typed_frame
from throughline.models.served import ServedModel

NO_EXPLANATION = (
    "This model cannot explain its answers; leave out 'explain', or ask a linear model or XGBoost."
)

NOT_SCORED = (
    "A row has no value of {!r}, without which this model cannot predict; give it, or leave out "
    "the row."
)


class ServedPyfunc(PythonModel):
    """MLflow's Python model around a :class:`ServedModel`; it holds requests to the contract.

    To score rows that need not keep the contract, set ``model.contract`` to None.

    Attributes:
        refuses_unscored: Whether a row that the model cannot score is refused, or has nothing as
            its prediction.
    """

    refuses_unscored = True

    def load_context(self, context: PythonModelContext) -> None:
        """Loads plan and estimator."""
        self.model = ServedModel.load(Path(context.artifacts["served"]))
        self.warnings = Warnings()

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Predicts raw rows; with the parameter ``explain`` it adds ``contributions``.

        Raises:
            MlflowException: If the rows do not keep the contract, and the recipe says to refuse;
                if one misses a value that the model cannot do without; if the model cannot explain.
        """
        rows = raw_frame(model_input, self.model.plan.inputs)
        return pd.DataFrame(self._answers(rows, bool((params or {}).get("explain"))))

    def answer_columns(self, columns: dict[str, list[Any]], explain: bool) -> dict[str, list[Any]]:
        """Predicts rows that are lists of plain values, of the signature's types or None.

        A server that has read a request by itself asks this, and needs no data frame.

        Returns:
            The columns of what :meth:`predict` gives.

        Raises:
            MlflowException: As by :meth:`predict`.
        """
        answers = self._answers(typed_frame(columns, self.model.plan.inputs), explain)
        return {n: v if isinstance(v, list) else v.tolist() for n, v in answers.items()}

    def _answers(self, rows: pl.DataFrame, explain: bool) -> dict[str, Any]:
        self._hold_to_contract(rows)
        scores = self.model.score_frame(rows)
        refused = self.refuses_unscored and np.isnan(scores).any()
        if refused and (missed := self.model.missed_in(rows)):
            raise MlflowException(NOT_SCORED.format(missed), INVALID_PARAMETER_VALUE)
        answers: dict[str, Any] = dict(self.model.answers(scores))
        if explain:
            told = self.model.explain_frame(rows, scores)
            if told is None:
                raise MlflowException(NO_EXPLANATION, INVALID_PARAMETER_VALUE)
            answers["contributions"] = told
        return answers

    def _hold_to_contract(self, rows: pl.DataFrame) -> None:
        contract = self.model.contract
        if contract is None or contract.on_violation == "ignore":
            return
        if found := check_request(contract, rows):
            if contract.on_violation == "refuse":
                message = f"The rows do not keep the data contract: {clauses(found)}."
                raise MlflowException(message, INVALID_PARAMETER_VALUE)
            self.warnings.log(found)


mlflow.models.set_model(ServedPyfunc())
