"""Does the endpoint answer as the model does in process?"""

import io
import json
import logging
import math
from dataclasses import dataclass
from typing import Any

from throughline.checkout import hidden_checkout
from throughline.errors import UserError

logger = logging.getLogger(__name__)

TOLERANCE = 1e-6


@dataclass(frozen=True)
class SmokeCheck:
    """The input example of a model as a request, and the predictions the model gives for it."""

    request: dict[str, Any]
    predictions: Any

    def agrees(self, predictions: Any) -> bool:
        """Compares the endpoint's predictions, numbers to ``TOLERANCE``."""
        return same(predictions, self.predictions)


def smoke_check(path: str, called: str | None = None) -> SmokeCheck | None:
    """Loads the model in this process, with its own code, and scores its input example.

    Args:
        path: The folder with the model's files.
        called: What errors call it, if not by where it is.

    Returns:
        None if the model was saved without an input example.

    Raises:
        UserError: The model does not load, or does not predict.
    """
    import mlflow.pyfunc
    from mlflow.pyfunc.scoring_server import predictions_to_json

    try:
        with hidden_checkout():
            # else MLflow warns that xgboost-cpu, which a model asks for, is not here: xgboost is
            model = mlflow.pyfunc.load_model(path, suppress_warnings=True)
            if model.input_example is None:
                return None
            written = io.StringIO()
            predictions_to_json(model.predict(model.input_example), written)
    except UserError:
        raise
    except Exception as error:  # of the model's own code, or of a library that is not here
        logger.debug("%s", called, exc_info=True)
        reason = str(error).splitlines()[:1] or [type(error).__name__]
        raise UserError(
            f"{called or path} does not answer its own input example in this process: "
            f"{reason[0].rstrip('.')}; install what it needs here, or deploy another version."
        ) from error
    request = as_request(model.input_example)
    return SmokeCheck(request, json.loads(written.getvalue())["predictions"])


def example_request(path: str) -> dict[str, Any] | None:
    """Reads the input example of a model's folder as a request, without loading the model."""
    from mlflow.models import Model

    example = Model.load(path).load_input_example(path)
    return None if example is None else as_request(example)


def as_request(example: Any) -> dict[str, Any]:
    """Turns an input example into a request; JSON has no NaN, so a missing value becomes null."""
    from mlflow.models import convert_input_example_to_serving_input

    text = convert_input_example_to_serving_input(example)
    request: dict[str, Any] = json.loads(text or "{}", parse_constant=lambda _: None)
    return request


def same(one: Any, other: Any) -> bool:
    """Compares two parsed JSON values; numbers may differ by ``TOLERANCE``."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, int | float) and isinstance(other, int | float):
        close = math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        return close or (math.isnan(one) and math.isnan(other))
    return bool(one == other)
