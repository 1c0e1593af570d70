"""The compute is attached once, and by nothing but what a user meant."""

import json

import pytest

from tests.azureml.pipeline.conftest import DATABRICKS, TOKEN
from tests.emulators.azureml.workspace import Workspace
from throughline.azureml.databricks_compute import DatabricksWorkspace, attached, detach
from throughline.azureml.workspace import find_workspace, open_workspace
from throughline.errors import UserError

GIVEN = DatabricksWorkspace(DATABRICKS)


@pytest.fixture
def opened(empty: Workspace):
    return open_workspace(find_workspace({}))


def attachments(workspace: Workspace) -> list[dict]:
    found = [r for r in workspace.cloud.requests if r.method == "PUT" and "/computes/" in r.path]
    return [json.loads(request.body) for request in found]


def test_it_is_attached_once_and_then_used_again(empty: Workspace, opened) -> None:
    before = len(attachments(empty))
    first = attached(opened, "databricks", GIVEN)
    again = attached(opened, "databricks", DatabricksWorkspace())
    assert first.name == again.name == "databricks"
    (sent,) = attachments(empty)[before:]
    group = f"/subscriptions/{empty.resources.subscription}/resourceGroups/{empty.resources.group}"
    assert sent["properties"] == {
        "computeType": "Databricks",
        "resourceId": f"{group}/providers/Microsoft.Databricks/workspaces/{DATABRICKS}",
        "properties": {"databricksAccessToken": TOKEN},
    }


def test_another_resource_group_can_be_named(empty: Workspace, opened) -> None:
    attached(opened, "databricks", DatabricksWorkspace(DATABRICKS, "elsewhere"))
    assert "/resourceGroups/elsewhere/" in attachments(empty)[-1]["properties"]["resourceId"]


def test_the_token_is_told_to_nobody_else(empty: Workspace, opened, capfd, caplog) -> None:
    caplog.set_level("DEBUG")
    attached(opened, "databricks", GIVEN)
    said = "".join(capfd.readouterr()) + caplog.text
    sent = [r for r in empty.cloud.requests if TOKEN.encode() in r.body + str(r).encode()]
    assert TOKEN not in said
    assert {request.method for request in sent} == {"PUT"}


def test_without_a_token_nothing_is_attached(empty: Workspace, opened, monkeypatch) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN")
    with pytest.raises(UserError, match="needs its access token; set DATABRICKS_TOKEN"):
        attached(opened, "databricks", GIVEN)
    assert not empty.computes.attached


def test_without_the_name_of_the_databricks_workspace_nothing_is_attached(empty, opened) -> None:
    with pytest.raises(UserError, match="has no compute databricks; give databricks_workspace"):
        attached(opened, "databricks", DatabricksWorkspace())
    assert not empty.computes.attached


@pytest.mark.parametrize(
    "name", ["a", "1st", "under_score", "much-too-long-a-name", "no-1", "日本"]
)
def test_a_name_that_is_not_allowed_is_not_sent(empty: Workspace, opened, name: str) -> None:
    before = len(empty.cloud.requests)
    with pytest.raises(UserError, match="is no name for a compute; give 3 to 16 letters"):
        attached(opened, name, GIVEN)
    assert len(empty.cloud.requests) == before


def test_a_name_that_something_else_has_is_refused(empty: Workspace, opened) -> None:
    empty.computes.put("cpu", "AmlCompute", isAttachedCompute=False, properties={})
    for do in (lambda: attached(opened, "cpu", GIVEN), lambda: detach(opened, "cpu")):
        with pytest.raises(UserError, match="no Databricks workspace but AmlCompute; give compute"):
            do()
    assert set(empty.computes.attached) == {"cpu"}


def test_a_compute_of_another_databricks_workspace_is_refused(empty: Workspace, opened) -> None:
    attached(opened, "databricks", GIVEN)
    other = DatabricksWorkspace("another-one")
    with pytest.raises(UserError, match=f"is the Databricks workspace {DATABRICKS} in .* already"):
        attached(opened, "databricks", other)


def test_a_quota_that_is_used_up_is_one_sentence(empty: Workspace, opened) -> None:
    empty.computes.refuses = ("QuotaExceeded", "The limit of 200 computes is reached.")
    with pytest.raises(UserError) as told:
        attached(opened, "databricks", GIVEN)
    assert str(told.value) == (
        "Azure ML refuses to attach the compute databricks: The limit of 200 computes is reached "
        "(QuotaExceeded); detach or delete computes that nobody uses, or ask for a higher quota."
    )
    assert not empty.computes.attached


def test_what_fails_while_it_is_attached_is_taken_away(empty: Workspace, opened) -> None:
    empty.computes.fails = "The access token is invalid."
    with pytest.raises(UserError, match=r"could not attach .* \(The access token is invalid\);"):
        attached(opened, "databricks", GIVEN)
    assert not empty.computes.attached


def test_one_that_failed_before_is_told(empty: Workspace, opened) -> None:
    attached(opened, "databricks", GIVEN)
    empty.computes.attached["databricks"]["properties"]["provisioningState"] = "Failed"
    with pytest.raises(UserError, match="is in the state Failed; detach it with action=remove"):
        attached(opened, "databricks", GIVEN)
    assert detach(opened, "databricks")
    assert not detach(opened, "databricks")
    assert not empty.computes.attached
