"""Whether a logged model holds requests to its contract."""

import logging
from types import SimpleNamespace

import mlflow.pyfunc
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from throughline.checkout import hidden_checkout
from throughline.models.served import ServedModel


@pytest.fixture
def load(served, prepared, tmp_path):
    """Saves the served model with a rule and loads it as MLflow does."""

    def loaded(rule):
        contract = prepared.contract.ruled(rule, 0.01) if rule else None
        ServedModel(served.plan, served.estimator, 0.4, contract).save(tmp_path / "served")
        from throughline.models.served_pyfunc import ServedPyfunc

        model = ServedPyfunc()
        model.load_context(SimpleNamespace(artifacts={"served": str(tmp_path / "served")}))
        return model

    return loaded


@pytest.fixture(scope="module")
def rows(prepared):
    return prepared.example()


def test_rows_like_the_training_rows_are_answered(load, rows, served, caplog):
    for rule in ("refuse", "warn", "ignore", None):
        pd.testing.assert_frame_equal(load(rule).predict(None, rows), served.predict(rows))
    assert "contract" not in caplog.text


def test_refused_with_a_sentence(load, rows):
    with pytest.raises(MlflowException) as raised:
        load("refuse").predict(None, rows.assign(x=99.0))
    assert raised.value.error_code == "INVALID_PARAMETER_VALUE"
    assert raised.value.get_http_status_code() == 400
    assert raised.value.message.startswith(
        "The rows do not keep the data contract: the column 'x' has a row outside"
    )


def test_a_warning_leaves_the_answer_and_comes_once(load, rows, served, caplog):
    model = load("warn")
    odd = rows.assign(x=99.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            pd.testing.assert_frame_equal(model.predict(None, odd), served.predict(odd))
    assert caplog.text.count("data contract: the column 'x'") == 1


def test_a_row_that_misses_what_the_model_needs_is_refused(complete, rows, tmp_path):
    from throughline.models.served_pyfunc import ServedPyfunc

    complete.save(tmp_path / "served")
    model = ServedPyfunc()
    model.load_context(SimpleNamespace(artifacts={"served": str(tmp_path / "served")}))
    pd.testing.assert_frame_equal(model.predict(None, rows), complete.predict(rows))
    with pytest.raises(MlflowException) as raised:
        model.predict(None, rows.assign(t=pd.NaT))
    assert raised.value.get_http_status_code() == 400
    assert raised.value.message.startswith("A row has no value of 't', without which this model")


@pytest.mark.parametrize("rule", ["ignore", None])
def test_nothing_is_said_without_a_contract(load, rows, served, caplog, rule):
    odd = rows.assign(x=99.0)
    pd.testing.assert_frame_equal(load(rule).predict(None, odd), served.predict(odd))
    assert "contract" not in caplog.text


def test_it_can_be_measured_on_rows_that_do_not_keep_it(load, rows):
    model = load("refuse")
    model.model.contract = None
    assert len(model.predict(None, rows.assign(x=99.0))) == 1


def test_the_example_misses_nothing_and_keeps_the_contract(prepared, load):
    example = prepared.example()
    assert list(example.columns) == [column.name for column in prepared.plan.inputs]
    assert len(example) == 1 and not example.isna().any().any()
    assert len(load("refuse").predict(None, example)) == 1


@pytest.fixture(scope="module")
def logged(prepared, served, tmp_path_factory):
    """A candidate that refuses, as a step logs it: its URI."""
    from throughline.candidate import log_candidate
    from throughline.models.family import Trained
    from throughline.prepared import PreparedTable

    folder = tmp_path_factory.mktemp("store")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("test", f"file://{folder}/artifacts")
    table = PreparedTable.open(prepared.output.uri)
    table.__dict__["contract"] = prepared.contract.ruled("refuse", 0.01)
    with mlflow.start_run(experiment_id=experiment):
        trained = Trained(served.estimator, {}, {}, log_native=lambda: None)
        yield log_candidate(table, trained, "xgboost").model_uri
    mlflow.set_tracking_uri(before)


def test_a_logged_candidate_refuses_and_is_still_measured(logged, prepared, rows):
    from throughline.deployment.smoke import smoke_check
    from throughline.models.signature import conform
    from throughline.registry.on_test import on_test

    request = conform(rows, prepared.plan.inputs)
    with hidden_checkout():  # with the code that it brings along
        model = mlflow.pyfunc.load_model(logged)
        assert len(model.predict(request)) == 1
        with pytest.raises(MlflowException, match="do not keep the data contract"):
            model.predict(request.assign(x=99.0))
    odd = prepared.raw_rows("test").assign(x=99.0)
    assert 0 < on_test(logged, prepared, odd).figures["brier"] < 1
    assert smoke_check(mlflow.artifacts.download_artifacts(logged)) is not None


def test_the_endpoint_answers_400_with_the_sentence(logged, prepared, rows):
    from starlette.testclient import TestClient

    from throughline.deployment.app import create_app
    from throughline.deployment.limits import Limits
    from throughline.deployment.smoke import as_request
    from throughline.models.signature import conform

    request = conform(rows, prepared.plan.inputs)
    with hidden_checkout():
        model = mlflow.pyfunc.load_model(logged)
    with TestClient(create_app(model, logged, Limits())) as client:
        good = client.post("/invocations", json=as_request(request))
        assert good.status_code == 200, good.text
        assert len(good.json()["predictions"]) == 1
        refused = client.post("/invocations", json=as_request(request.assign(x=99.0)))
    assert refused.status_code == 400
    body = refused.json()
    assert body["error_code"] == "INVALID_PARAMETER_VALUE"
    assert body["message"].startswith("The rows do not keep the data contract: the column 'x' has")
    assert body["message"].endswith("(for example 99).")
