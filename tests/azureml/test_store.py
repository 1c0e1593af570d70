"""Runs in Azure ML's store, through the real client; who may open it, and with whose run."""

import mlflow
import pytest

from tests.emulators.azureml.directory import HOST
from tests.emulators.azureml.workspace import CLIENT, Workspace
from throughline.azure_store import open_azure_store, studio_page
from throughline.caching.results import _sizes
from throughline.errors import UserError
from throughline.lost_runs import PARENT
from throughline.tracking import children, latest, step_run

TOKEN = "of-another-server"  # noqa: S105 (it opens nothing)


def test_runs_with_runs_below_them(here: Workspace, monkeypatch):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "runs")
    with step_run("outer") as outer:
        mlflow.log_params({"depth": 3})
        with step_run("inner") as inner:
            mlflow.log_metric("loss", 0.5, step=1)
            mlflow.log_metric("loss", 0.25, step=2)
            mlflow.set_tag("throughline.candidate", "inner")
        assert latest("throughline.candidate", "inner").info.run_id == inner.info.run_id
    assert [one.info.run_id for one in children(outer.info.run_id)] == [inner.info.run_id]
    found = mlflow.get_run(inner.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.tags[PARENT] == outer.info.run_id
    history = mlflow.MlflowClient().get_metric_history(inner.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(1, 0.5), (2, 0.25)]


def test_artifacts(here: Workspace, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "artifacts")
    (tmp_path / "evaluation/deep").mkdir(parents=True)
    (tmp_path / "evaluation/deep/slices.json").write_text("[]")
    (tmp_path / "evaluation/empty").touch()
    (tmp_path / "evaluation.html").write_text("<p>")
    with step_run("train") as run:
        mlflow.log_artifacts(str(tmp_path))
        mlflow.log_dict({"a": 1}, "step.json")
    root = mlflow.get_run(run.info.run_id).info.artifact_uri
    assert here.artifacts.of(run.info.run_id)["evaluation/deep/slices.json"] == b"[]"
    assert mlflow.artifacts.load_dict(f"{root}/step.json") == {"a": 1}
    assert mlflow.artifacts.load_text(f"{root}/evaluation/empty") == ""
    assert _sizes(f"{root}/evaluation") == {"deep/slices.json": -1, "empty": -1}


def test_the_run_of_another_store(here: Workspace, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "f" * 32)
    with pytest.raises(UserError, match="not in this tracking store.*; unset MLFLOW_RUN_ID"):
        step_run("train").__enter__()


def test_the_token_of_another_server_is_not_sent(here: Workspace, monkeypatch):
    with step_run("train") as run:
        pass
    settings = {"TRACKING_TOKEN": TOKEN, "RUN_ID": run.info.run_id, "EXPERIMENT_ID": "0"}
    for name, value in settings.items():
        monkeypatch.setenv(f"MLFLOW_{name}", value)
    with step_run("train"):
        mlflow.set_tag("again", "yes")
    assert mlflow.get_run(run.info.run_id).data.tags["again"] == "yes"
    assert not any(TOKEN in str(request.headers) for request in here.cloud.requests)


def test_who_is_not_logged_in(workspace: Workspace):
    before = len(workspace.cloud.requests)
    with pytest.raises(UserError, match="Nothing here logs in to Azure"):
        open_azure_store(f"{workspace.tracking.address}-of-others")
    assert len(workspace.cloud.requests) == before


def test_a_store_is_opened_once(here: Workspace):
    uri = f"{here.tracking.address}-opened-once"
    open_azure_store(uri)
    asked = len(here.seen("POST", rf"{HOST}/.+/token"))
    open_azure_store(uri)
    assert len(here.seen("POST", rf"{HOST}/.+/token")) == asked


def test_a_job_of_azure_ml_has_its_own_token(workspace: Workspace, monkeypatch):
    monkeypatch.setenv("AZUREML_RUN_ID", "of the job")
    open_azure_store(f"{workspace.tracking.address}-of-a-job")


def test_a_uri_that_names_no_workspace(here: Workspace):
    with pytest.raises(UserError, match="names no workspace; take the one that"):
        open_azure_store("azureml://westeurope.api.azureml.ms/mlflow/v2.0")


def test_other_stores_are_left_alone(workspace: Workspace):
    open_azure_store("sqlite:///nowhere.db")
    assert studio_page("sqlite:///nowhere.db", "1") == ""


def test_the_page_of_a_run(workspace: Workspace):
    page = studio_page(f"{workspace.tracking.address}?", "1")
    assert page == f"https://ml.azure.com/runs/1?wsid={workspace.resources.scope}"
    assert CLIENT not in page
