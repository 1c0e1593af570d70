"""Requests for transitions in the workspace's own registry."""

import mlflow
import pytest

from tests.databricks.serving.conftest import MODEL
from throughline.databricks.transition_requests import WorkspaceRequests, open_requests
from throughline.errors import UserError
from throughline.registry.champions import roll_back
from throughline.registry.requests import TaggedRequests


@pytest.fixture
def requests(registered, here):
    """The requests, as the register step opens them; version 1 is the champion afterwards."""
    found = open_requests()
    assert isinstance(found, WorkspaceRequests)
    yield found
    client = mlflow.MlflowClient()
    client.transition_model_version_stage(MODEL, "1", "Production", archive_existing_versions=True)


def stage(version: str) -> str:
    return mlflow.MlflowClient().get_model_version(MODEL, version).current_stage


def test_asked_for_approved_and_rolled_back(requests):
    requests.request(MODEL, "2", "production")
    assert stage("2") == "None"
    told = requests.approve(MODEL, "2", "production")
    assert told == f"version 2 of {MODEL} is in Production, as was asked for"
    assert (stage("1"), stage("2")) == ("Archived", "Production")
    assert roll_back(MODEL).champion == "1"
    assert (stage("1"), stage("2")) == ("Production", "Archived")


def test_who_may_not_approve_leaves_no_trace(requests, here):
    """Nor does the champion count as given up."""
    requests.request(MODEL, "2", "production")
    before = [mlflow.MlflowClient().get_model_version(MODEL, v).tags for v in ("1", "2")]
    here.transitions.may_approve = False
    try:
        with pytest.raises(UserError, match="Can Manage Production Versions"):
            requests.approve(MODEL, "2", "production")
    finally:
        here.transitions.may_approve = True
        requests.reject(MODEL, "2", "production")
    after = [mlflow.MlflowClient().get_model_version(MODEL, v).tags for v in ("1", "2")]
    assert after == before
    assert stage("1") == "Production"


def test_rejected(requests):
    requests.request(MODEL, "3", "staging")
    requests.reject(MODEL, "3", "staging")
    assert stage("3") == "None"
    with pytest.raises(UserError, match="Nobody asked that version 3"):
        requests.approve(MODEL, "3", "staging")


def test_what_is_asked_twice(requests):
    requests.request(MODEL, "3", "archived")
    with pytest.raises(UserError, match="already an open request to transition to Archived"):
        requests.request(MODEL, "3", "archived")
    requests.reject(MODEL, "3", "archived")


def test_unity_catalog_and_others_have_no_such_requests(monkeypatch):
    monkeypatch.setattr(mlflow, "get_registry_uri", lambda: "databricks-uc")
    assert isinstance(open_requests(), TaggedRequests)
