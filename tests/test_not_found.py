"""Which errors say that something is not there."""

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, NOT_FOUND, RESOURCE_DOES_NOT_EXIST

from throughline.not_found import is_not_found


def answered(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(f"{status}", response=response)


@pytest.mark.parametrize(
    "error",
    [
        MlflowException("no run", RESOURCE_DOES_NOT_EXIST),
        MlflowException("no model", NOT_FOUND),
        answered(404),
        FileNotFoundError(2, "No such file"),
    ],
)
def test_what_is_not_there(error: Exception) -> None:
    assert is_not_found(error)


@pytest.mark.parametrize(
    "error",
    [
        MlflowException("API request failed with exception", INTERNAL_ERROR),
        answered(503),
        requests.ConnectionError("nobody answers"),
        PermissionError(13, "Permission denied"),
    ],
)
def test_trouble_is_no_answer(error: Exception) -> None:
    assert not is_not_found(error)
