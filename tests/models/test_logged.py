"""Models on a server without logged models: artifacts of their runs, registered by address."""

from collections.abc import Iterator

import mlflow
import mlflow.sklearn
import mlflow.spark
import mlflow.xgboost
import numpy as np
import pytest

from tests.emulators.old_server import old_server
from tests.emulators.server import Server
from throughline.capabilities import has_aliases, has_logged_models, in_status, tagged
from throughline.models.logged import log_model, register_model

ROWS = np.array([[0.0], [1.0], [2.0], [3.0]])
LABELS = np.array([0, 0, 1, 1])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with old_server(tmp_path_factory.mktemp("old")) as made:
        yield made
        assert not made.unknown


@pytest.fixture
def here(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The old server, to which this process tracks during a test."""
    before = mlflow.get_tracking_uri()
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, server.url)
    mlflow.set_tracking_uri(server.url)
    yield server
    mlflow.set_tracking_uri(before)


def fitted():
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression().fit(ROWS, LABELS)


def test_what_the_server_has(here):
    asked = len(here.requests)
    assert not has_logged_models() and not has_logged_models()
    assert has_aliases()
    assert len(here.requests) <= asked + 2  # each is asked once


def test_what_a_server_of_today_has(empty_store, monkeypatch):
    uri = f"sqlite:///{empty_store}"
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: uri)
    assert has_logged_models()
    assert tagged("a.b") == "tags.`a.b` != ''"
    assert in_status("FINISHED") == "attributes.status = 'FINISHED'"


def test_a_server_that_does_not_answer(monkeypatch):
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "http://127.0.0.1:9")
    with pytest.raises(MlflowException, match="API request"):
        has_logged_models()


def test_conditions_of_a_search_find_what_they_did(here):
    with mlflow.start_run(tags={"a.b": "yes"}) as run:
        pass
    with mlflow.start_run(), pytest.raises(ZeroDivisionError), mlflow.start_run(nested=True):
        raise ZeroDivisionError
    for condition in (tagged("a.b"), f"{tagged('a.b')} AND {in_status('FINISHED')}"):
        found = mlflow.MlflowClient().search_runs(["0"], condition)
        assert [one.info.run_id for one in found] == [run.info.run_id]
    (failed,) = mlflow.MlflowClient().search_runs(["0"], in_status("FAILED"))
    assert failed.info.status == "FAILED"


def test_a_model_is_a_folder_of_its_run(here):
    pins = ["scikit-learn"]
    with mlflow.start_run() as run:
        uri = log_model(mlflow.sklearn, "native", fitted(), pip_requirements=pins)
    assert uri == f"{run.info.artifact_uri}/native"
    assert mlflow.models.get_model_info(uri).run_id == run.info.run_id
    assert list(mlflow.sklearn.load_model(uri).predict(ROWS)) == list(LABELS)


def test_a_model_is_registered_by_that_folder(here):
    import xgboost

    booster = xgboost.train({"max_depth": 1}, xgboost.DMatrix(ROWS, LABELS), 2)
    with mlflow.start_run() as run:
        uri = log_model(mlflow.xgboost, "native", booster, pip_requirements=["xgboost"])
    first, second = register_model(uri, "boosted"), register_model(uri, "boosted")
    assert (first.version, second.version) == ("1", "2")
    assert (first.source, first.run_id) == (uri, run.info.run_id)
    answer = mlflow.xgboost.load_model("models:/boosted/2").predict(xgboost.DMatrix(ROWS))
    assert np.array_equal(answer, booster.predict(xgboost.DMatrix(ROWS)))


def test_a_model_of_spark(here, spark):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import SQLTransformer

    rows = spark.createDataFrame([(1.0,)], "a double")
    doubled = SQLTransformer(statement="SELECT a, 2 * a AS b FROM __THIS__")
    with mlflow.start_run():
        model = Pipeline(stages=[doubled]).fit(rows)
        uri = log_model(mlflow.spark, "native", model, pip_requirements=["pyspark"])
    assert mlflow.spark.load_model(uri).transform(rows).first().b == 2.0
