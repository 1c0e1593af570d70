"""A version put into production on purpose, served, and given up again for the one before."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import mlflow
import pytest

from tests.steps.conftest import Project, free_port
from tests.steps.test_chain import Chain, newest
from throughline.tracking import CANDIDATE

MODEL = "given-up"


def run_of(candidate: str) -> str:
    """The chain's candidate with this title."""
    found = mlflow.search_runs(["0"], f"tags.`{CANDIDATE}` = '{candidate}'", output_format="list")
    return found[-1].info.run_id  # the oldest


def succeeded(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


def wait_for(lines: IO[str] | None, word: str) -> list[str]:
    """The lines of a running program up to the one that begins with a word."""
    assert lines
    found: list[str] = []
    while not (found and found[-1].startswith(word)):
        found.append(lines.readline())
        assert found[-1], "the program has ended"
    return found


@pytest.fixture
def place(project: Project, tmp_path: Path) -> Iterator[list[str]]:
    """Where the model is served in this test."""
    words = ["--model", MODEL, "--data_root", str(tmp_path), "--port", str(free_port())]
    yield words
    project.script("deploy", *words, "--action", "stop")


def test_to_production_and_back(project: Project, chain: Chain, place: list[str]) -> None:
    client = mlflow.MlflowClient()
    first, second = run_of("network"), run_of("xgboost")
    for run in (first, second):
        succeeded(project.script("register", "--model", MODEL, "--candidates", run))
    to_production = ("register", "--model", MODEL, "--to", "production", "--version")
    with project.start("deploy", *place, "--action", "watch") as watcher:
        try:
            assert wait_for(watcher.stdout, "curl")[0].startswith(f"models:/{MODEL}/2 is served")
            moved = succeeded(project.script(*to_production, "1"))
            assert moved == f"version 1 of {MODEL} is in Production\n"
            assert "(replaced)" in wait_for(watcher.stdout, "curl")[0]
        finally:
            watcher.terminate()
    assert watcher.returncode == 0
    watched = newest("deploy")
    assert watched.info.status == "FINISHED"
    assert watched.data.tags["endpoint.version"] == "1"

    succeeded(project.script(*to_production, "2"))
    succeeded(project.script("deploy", *place))
    assert newest("deploy").data.tags["endpoint.version"] == "2"
    told = succeeded(project.script("rollback", *place))
    assert told.startswith("version 1 is the champion again, 2 no longer.\n")
    run = newest("rollback")
    assert (run.data.tags["endpoint.version"], run.data.tags["endpoint.change"]) == (
        "1",
        "replaced",
    )
    addresses = [f"models:/{MODEL}{which}" for which in ("@champion", "/Production", "/1")]
    runs = {mlflow.pyfunc.load_model(address).metadata.run_id for address in addresses}
    assert runs == {first}

    succeeded(project.script("register", "--model", MODEL, "--candidates", second))
    again = client.get_model_version(MODEL, "2")
    assert "register -P to=production -P version=2 makes it champion again" in again.tags["reason"]
    assert str(client.get_model_version_by_alias(MODEL, "champion").version) == "1"
    assert len(client.search_model_versions(f"name = '{MODEL}'")) == 2


def test_a_version_tells_what_it_was_made_of(project: Project, chain: Chain) -> None:
    champion = mlflow.MlflowClient().get_model_version_by_alias("flights-late", "champion")
    tags = champion.tags
    assert tags["recipe"].startswith("flights-late ")
    assert tags["run"] == champion.run_id
    assert tags["prep_run"] == newest("prep").info.run_id
    assert {"table", "data", "code", "environment"} <= set(tags)
    assert {"train_run", "tune_run"} & set(tags)
