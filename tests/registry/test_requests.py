"""Moves that one person asks for and another decides on."""

import json
import os
import subprocess
import sys

import pytest

from tests.registry.conftest import NAME
from throughline.checkout import project_root
from throughline.errors import UserError
from throughline.registry.requests import TaggedRequests
from throughline.registry.roles import champion_of
from throughline.tracking import FIGURE

REQUESTS = TaggedRequests()


def register(user: str, *words: str) -> str:
    """What the script of the entry point says to a user."""
    command = [sys.executable, "steps/register.py", "--model", NAME, "--version", "1", *words]
    environment = os.environ | {"MLFLOW_TRACKING_USERNAME": user}
    ended = subprocess.run(
        command, cwd=project_root(), env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_asked_for_approved_and_kept_who_and_when(versions, store, monkeypatch, stage):
    versions(1)
    assert REQUESTS.request(NAME, "1", "production").startswith("ada asks that version 1")
    assert champion_of(NAME) is None
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "grace")
    told = REQUESTS.approve(NAME, "1", "production")
    assert told.endswith("is in Production, asked for by ada and approved by grace")
    assert str(champion_of(NAME).version) == "1"
    tags = store.get_model_version(NAME, "1").tags
    kept = json.loads(tags["approved.production"])
    assert (kept["by"], kept["asked_by"]) == ("grace", "ada")
    assert kept["asked_at"] <= kept["at"]
    assert "requested.production" not in tags
    with pytest.raises(UserError, match="Nobody asked that version 1 of late go to Production"):
        REQUESTS.approve(NAME, "1", "production")


def test_the_entry_point_asks_and_carries_out(versions, store, stage):
    versions(1)
    asked = register("ada", "--request", "production")
    assert asked == "ada asks that version 1 of late go to Production\n"
    assert (stage("1"), champion_of(NAME)) == ("None", None)
    told = register("grace", "--approve", "production")
    done = "version 1 of late is in Production, asked for by ada and approved by grace"
    assert told == f"{done}\n"
    assert stage("1") == "Production"
    champion = champion_of(NAME)
    assert str(champion.version) == "1"
    kept = json.loads(champion.tags["approved.production"])
    assert (kept["by"], kept["asked_by"]) == ("grace", "ada")
    run = store.search_runs(["0"], max_results=1)[0]  # the newest
    assert (run.info.status, run.data.tags[FIGURE]) == ("FINISHED", done)


def test_rejected_and_left_where_it_is(versions, store, stage):
    versions(1)
    REQUESTS.request(NAME, "1", "staging")
    assert (
        REQUESTS.reject(NAME, "1", "staging") == "ada rejects that version 1 of late go to Staging"
    )
    assert stage("1") == "None"
    tags = store.get_model_version(NAME, "1").tags
    assert json.loads(tags["rejected.staging"])["by"] == "ada"
    assert "requested.staging" not in tags


@pytest.mark.parametrize("decide", [REQUESTS.approve, REQUESTS.reject])
def test_what_nobody_asked_for(versions, decide, stage):
    versions(1)
    REQUESTS.request(NAME, "1", "staging")
    with pytest.raises(UserError, match="ask with register -P request=archived -P version=1"):
        decide(NAME, "1", "archived")
    assert stage("1") == "None"


def test_a_request_for_what_is_not_there(versions):
    versions(1)
    with pytest.raises(UserError, match="There is no stage 'live'"):
        REQUESTS.request(NAME, "1", "live")
    with pytest.raises(UserError, match="late has no version '2'"):
        REQUESTS.request(NAME, "2", "staging")
