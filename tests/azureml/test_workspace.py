"""Which workspace is meant, and the way to it."""

import json

import pytest

from tests.emulators.azureml.directory import HOST as LOGIN
from tests.emulators.azureml.resources import HOST as MANAGER
from tests.emulators.azureml.resources import REGION, SERVICES
from tests.emulators.azureml.workspace import SECRET, STRANGER
from throughline.azureml.workspace import (
    WorkspaceName,
    find_workspace,
    open_workspace,
    tracking_uri,
)
from throughline.errors import UserError

FILE = {"subscription_id": "a", "resource_group": "b", "workspace_name": "c"}


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """The current folder; the environment names no workspace."""
    for name in ("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AZUREML_ARM_WORKSPACE_NAME", "AZURE_SUBSCRIPTION_ID", "AZURE_RESOURCE_GROUP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, content=FILE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


@pytest.mark.parametrize("place", ["config.json", ".azureml/config.json"])
def test_a_file_in_this_folder_or_above(folder, monkeypatch, place):
    write(folder / place)
    (folder / "below/that").mkdir(parents=True)
    monkeypatch.chdir(folder / "below/that")
    assert find_workspace({}) == WorkspaceName("a", "b", "c")


def test_what_is_given_counts_before_the_environment_and_that_before_a_file_found(
    folder, monkeypatch
):
    write(folder / "config.json")
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "of the environment")
    monkeypatch.setenv("AZUREML_ARM_RESOURCEGROUP", "of the environment")
    given = {"resource_group": "given", "workspace_name": ""}
    assert find_workspace(given) == WorkspaceName("of the environment", "given", "c")


def test_a_file_that_is_named_counts_before_the_environment(folder, monkeypatch):
    path = write(folder / "other/mine.json")
    monkeypatch.setenv("AZUREML_ARM_WORKSPACE_NAME", "of the environment")
    assert find_workspace({}, path) == WorkspaceName("a", "b", "c")


def test_the_variables_of_a_job(folder, monkeypatch):
    for name in ("SUBSCRIPTION", "RESOURCEGROUP", "WORKSPACE_NAME"):
        monkeypatch.setenv(f"AZUREML_ARM_{name}", name)
    assert find_workspace({}) == WorkspaceName("SUBSCRIPTION", "RESOURCEGROUP", "WORKSPACE_NAME")


def test_a_name_is_missing(folder):
    with pytest.raises(UserError, match=r"\(workspace_name missing\); .* AZUREML_ARM_WORKSPACE"):
        find_workspace({"subscription_id": "a", "resource_group": "b"})


@pytest.mark.parametrize(
    ("content", "match"),
    [(None, "cannot be read"), ("{", "is no JSON;"), ("[]", "is no JSON object")],
)
def test_a_file_that_is_none(folder, content, match):
    path = folder / "mine.json"
    if content:
        path.write_text(content)
    with pytest.raises(UserError, match=match):
        find_workspace({}, str(path))


@pytest.fixture
def named(here):
    """The workspace's names."""
    resources = here.resources
    return WorkspaceName(resources.subscription, resources.group, resources.workspace)


def refused(named, match):
    with pytest.raises(UserError, match=match) as told:
        open_workspace(named)
    assert "\n" not in str(told.value)
    assert SECRET not in str(told.value)


def test_the_client_of_a_workspace(here, named):
    opened = open_workspace(named)
    assert (opened.name, opened.location) == (here.resources.workspace, REGION)


def test_the_tracking_uri(here, named):
    assert tracking_uri(named) == here.tracking.address


@pytest.mark.parametrize("which", ["subscription_id", "resource_group", "workspace_name"])
def test_there_is_no_such_workspace(here, named, which):
    other = WorkspaceName(**{**vars(named), which: "other"})
    refused(other, "Azure has no workspace .*other.*NotFound.*; check the three names")


def test_a_workspace_of_others(here, named, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_ID", STRANGER)
    refused(named, r"may not read the workspace throughline \(AuthorizationFailed\)")


def test_a_token_that_has_expired(here, named, monkeypatch):
    monkeypatch.setattr(here.directory, "lifetime", -10)
    refused(named, "no longer takes the token .*ExpiredAuthenticationToken.*; log in again")


@pytest.mark.parametrize("host", [LOGIN, MANAGER, SERVICES])
def test_no_network(here, named, monkeypatch, host):
    monkeypatch.setattr(here.cloud, "unreachable", (host,))
    refused(named, f"{host}.* does not answer; check the network and HTTPS_PROXY")
