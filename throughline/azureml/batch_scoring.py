"""A served model behind the two functions that Azure ML calls in a batch job: ``init`` and ``run``.

Rows go through the application of this project's endpoints, as in ``scoring.py``.
What ``run`` returns is read again by :func:`predictions_in`.
"""

import asyncio
import csv
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.azureml.batch_files import requests_of
from throughline.azureml.scoring import ScoringService, post

if TYPE_CHECKING:
    from mlflow.pyfunc import PyFuncModel


class BatchService(ScoringService):
    """Scores files of rows.

    A row that misses a value without which the model cannot predict has null as its prediction:
    one row ends no job.
    """

    @staticmethod
    def ready(model: "PyFuncModel") -> "PyFuncModel":
        """The model, which leaves out what it cannot score."""
        from mlflow.exceptions import MlflowException

        with suppress(MlflowException, AttributeError):  # a model of another kind
            model.unwrap_python_model().refuses_unscored = False
        return model

    def score(self, files: Sequence[str]) -> list[str]:
        """Scores the files of a mini batch.

        Args:
            files: Their paths.

        Returns:
            A line of JSON for each, ``{"file": PATH, "predictions": [...]}``: Azure ML counts what
            it gets back, and puts it into one file in no certain order.

        Raises:
            ValueError: A file cannot be read, or the model refuses its rows; the sentence says why.
        """
        return [_written({"file": file, "predictions": self._predictions(file)}) for file in files]

    def _predictions(self, file: str) -> Any:
        parts = [self._answer(file, *request) for request in requests_of(Path(file))]
        if len(parts) == 1:
            return parts[0]
        return [prediction for part in parts for prediction in part]

    def _answer(self, file: str, body: str, kind: str) -> Any:
        status, text = asyncio.run(post(self.app, body.encode(), kind))
        answer = json.loads(text, parse_constant=lambda _: None)  # no score is no number
        if status != 200:
            raise ValueError(f"{Path(file).name} is refused ({status}): {answer['message']}")
        return answer["predictions"]


def predictions_in(lines: Iterable[str]) -> list[dict[str, Any]]:
    """What a job's output tells of its files, in the order of their paths.

    Args:
        lines: The output's lines.

    Raises:
        ValueError: A line is no JSON.
    """
    found = [json.loads(_unquoted(line.strip())) for line in lines if line.strip()]
    return sorted(found, key=lambda one: str(one["file"]))


def _written(told: dict[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":"))


def _unquoted(line: str) -> str:
    """A line as it was returned: how Azure ML writes one is told nowhere, as it is or as CSV."""
    return next(csv.reader([line], delimiter=" "))[0] if line.startswith('"') else line
