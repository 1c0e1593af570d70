"""Runs by their ids, on a real store and on a server that is gone."""

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from throughline.errors import UserError
from throughline.faults import sentence_of
from throughline.tracking import find_run

pytestmark = pytest.mark.usefixtures("own_store")


@pytest.mark.parametrize("run_id", ["f" * 32, "no id at all"])
def test_a_run_that_is_not_there_is_a_mistake(run_id: str) -> None:
    with pytest.raises(UserError, match=f"There is no run '{run_id}' .*; give prep_run the id of"):
        find_run(run_id, "prep_run")


def test_a_server_that_is_gone_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    with pytest.raises(MlflowException) as found:
        find_run("f" * 32, "prep_run")
    assert "does not answer any more" in str(sentence_of(found.value))
