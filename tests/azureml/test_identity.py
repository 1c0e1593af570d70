"""Each way to log in to Azure, and each that fails: one sentence, at once, without the secret."""

import time
from pathlib import Path

import pytest
from azure.core.exceptions import ClientAuthenticationError

from tests.emulators.azureml.command import write_az
from tests.emulators.azureml.directory import HOST, METADATA
from tests.emulators.azureml.workspace import CLIENT, SECRET, Workspace
from throughline.azure_identity import LOGIN, MANAGEMENT, log_in
from throughline.errors import UserError
from throughline.faults import sentence_of

OTHER = "be63bd6f-0236-4993-9ae4-dad9f692d578"


@pytest.fixture
def principal(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace, with a service principal in the environment."""
    for name, value in workspace.principal.items():
        monkeypatch.setenv(name, value)
    return workspace


def refused(match: str) -> None:
    """Logs in, which has to fail soon, with a sentence."""
    started = time.monotonic()
    with pytest.raises(UserError, match=match) as told:
        log_in()
    assert time.monotonic() - started < 20
    text = str(told.value)
    assert text.endswith(".") and "\n" not in text and ". " not in text
    assert SECRET not in text


def test_a_service_principal(principal):
    token = log_in().get_token(MANAGEMENT).token
    assert token == principal.directory.tokens[-1]


def test_a_wrong_secret(principal, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    refused("refuses the secret in AZURE_CLIENT_SECRET")


def test_a_secret_that_has_expired(principal, monkeypatch):
    monkeypatch.setattr(principal.directory, "ended", {SECRET})
    refused("has expired; make a new one")


def test_a_secret_that_expires_in_the_middle_of_a_step(principal, monkeypatch):
    monkeypatch.setattr(principal.directory, "lifetime", -10)
    credential = log_in()
    monkeypatch.setattr(principal.directory, "ended", {SECRET})
    with pytest.raises(ClientAuthenticationError) as found:
        credential.get_token(MANAGEMENT)
    said = sentence_of(found.value)
    assert said and said.startswith("Azure no longer lets this process log in")


def test_another_tenant(principal, monkeypatch):
    monkeypatch.setenv("AZURE_TENANT_ID", OTHER)
    refused(f"no tenant '{OTHER}'")


def test_what_is_no_tenant(principal, monkeypatch):
    monkeypatch.setenv("AZURE_TENANT_ID", "our tenant!")
    refused("no tenant 'our tenant!'")


def test_an_unknown_principal(principal, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_ID", OTHER)
    refused(f"has no service principal '{OTHER}'")


def test_half_a_principal(principal, monkeypatch):
    monkeypatch.delenv("AZURE_TENANT_ID")
    monkeypatch.setenv("AZURE_CLIENT_ID", "")
    refused("needs AZURE_TENANT_ID and AZURE_CLIENT_ID too")


def test_no_network(principal, monkeypatch):
    monkeypatch.setattr(principal.cloud, "unreachable", (HOST,))
    refused("does not answer; check the network")


def test_nobody(workspace):
    before = len(workspace.cloud.requests)
    refused("Nothing here logs in to Azure; set AZURE_TENANT_ID")
    assert len(workspace.cloud.requests) == before


def test_an_unknown_way(workspace, monkeypatch):
    monkeypatch.setenv(LOGIN, "magic")
    refused("THROUGHLINE_AZURE_LOGIN is 'magic'; set it to one of service_principal")


def test_a_managed_identity(workspace, monkeypatch):
    monkeypatch.setenv(LOGIN, "managed_identity")
    monkeypatch.setattr(workspace.directory, "identity", True)
    assert log_in().get_token(MANAGEMENT).token in workspace.directory.tokens
    assert workspace.seen("GET", f"{METADATA}/metadata/identity/oauth2/token")[-1].status == 200


def test_a_machine_without_an_identity(workspace, monkeypatch):
    monkeypatch.setenv(LOGIN, "managed_identity")
    refused("has no managed identity")


def test_the_command_line_of_azure(workspace, monkeypatch, tmp_path):
    ended = int(time.time()) + 3600
    login = write_az(tmp_path / "programs", workspace.directory.tenant, ended)
    monkeypatch.setenv("PATH", str(tmp_path / "programs"))
    refused("The Azure CLI is not logged in, or no longer; run az login")
    login.write_text(workspace.directory.token(CLIENT, "https://management.azure.com"))
    assert log_in().get_token(MANAGEMENT).token == login.read_text()


def test_no_command_line_of_azure(workspace, monkeypatch):
    monkeypatch.setenv(LOGIN, "cli")
    refused(r"\(az\) is not installed")


def test_a_principal_counts_before_the_command_line(principal, monkeypatch, tmp_path):
    folder = tmp_path / "programs"
    write_az(folder, principal.directory.tenant, 0).write_text("not this")
    monkeypatch.setenv("PATH", str(folder))
    assert log_in().get_token(MANAGEMENT).token in principal.directory.tokens


def test_the_terminal_is_asked_only_where_there_is_one(workspace, monkeypatch, tmp_path: Path):
    monkeypatch.setenv(LOGIN, "interactive")
    refused("Nothing here logs in to Azure")
