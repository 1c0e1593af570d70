"""What is refused before a job is started, and how a job ends that does not end well."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest

from tests.databricks.conftest import CLUSTER, DATA_ROOT, Run
from tests.emulators.databricks.identity import TOKEN
from tests.emulators.databricks.workspace import Workspace
from throughline.databricks.backend import DatabricksBackend
from throughline.errors import UserError
from throughline.step import FAILURE
from throughline.tracking import step_run


@pytest.fixture
def opened(
    here: Workspace, cluster_file: Path, monkeypatch: pytest.MonkeyPatch
) -> DatabricksBackend:
    monkeypatch.setenv("THROUGHLINE_POLL_SECONDS", "0.5")
    return DatabricksBackend.open(str(cluster_file), DATA_ROOT)


@pytest.fixture
def parent(here: Workspace) -> Iterator[mlflow.ActiveRun]:
    """The run that ``main`` has."""
    found = mlflow.get_experiment_by_name("/Shared/backend")
    number = found.experiment_id if found else mlflow.create_experiment("/Shared/backend")
    with mlflow.start_run(experiment_id=number) as run:
        yield run


@pytest.fixture
def stuck(here: Workspace) -> Iterator[Workspace]:
    """The workspace while no cluster of it starts."""
    here.jobs.starts = False
    yield here
    here.jobs.starts = True


def last_run() -> Any:
    """The newest run that is no parent."""
    (run,) = mlflow.search_runs(
        experiment_names=["/Shared/backend"],
        filter_string="tags.`mlflow.project.backend` = 'databricks'",
        max_results=1,
        output_format="list",
    )
    return run


def ask(ready: Callable[[], Any], seconds: float = 60) -> Any:
    """What ``ready`` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("DATABRICKS_TOKEN", "dapi-of-nobody", "does not allow it .* check DATABRICKS_TOKEN"),
        ("DATABRICKS_HOST", "http://127.0.0.1:9", "does not answer; check DATABRICKS_HOST"),
        ("MLFLOW_EXPERIMENT_NAME", "late", "'late' is no absolute path, .* /Shared/throughline"),
        ("MLFLOW_EXPERIMENT_NAME", "", "No experiment is named, "),
        ("THROUGHLINE_POLL_SECONDS", "soon", "THROUGHLINE_POLL_SECONDS is 'soon'; set it to a"),
        ("THROUGHLINE_CLUSTER_START_MINUTES", "0", "MINUTES is '0'; set it to a number above 0"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    here: Workspace, cluster_file: Path, monkeypatch, setting, value, sentence
) -> None:
    monkeypatch.setenv(setting, value)
    before = len(here.jobs.runs)
    with pytest.raises(UserError, match=sentence) as refused:
        DatabricksBackend.open(str(cluster_file), DATA_ROOT)
    assert str(refused.value).count("\n") == 0
    assert len(here.jobs.runs) == before


@pytest.mark.parametrize("root", ["data", "/tmp/data", "file:///tmp/data"])  # noqa: S108
def test_a_data_root_of_this_machine_is_refused(here: Workspace, cluster_file: Path, root) -> None:
    with pytest.raises(UserError, match=f"The data root {root} is on this machine"):
        DatabricksBackend.open(str(cluster_file), root)


@pytest.mark.parametrize("root", ["dbfs:/t", "/dbfs/t", "/Volumes/a/b/c", "abfss://a@b.c/t"])
def test_a_data_root_that_clusters_share_is_taken(
    here: Workspace, cluster_file: Path, root
) -> None:
    assert DatabricksBackend.open(str(cluster_file), root).deploys_to() == "databricks"


def test_a_store_that_the_other_side_cannot_reach_is_refused(
    here: Workspace, cluster_file: Path, tmp_path: Path
) -> None:
    for uri in (f"sqlite:///{tmp_path}/mlflow.db", tmp_path.as_uri(), "http://me:word@here:5000"):
        mlflow.set_tracking_uri(uri)
        with pytest.raises(UserError, match="set MLFLOW_TRACKING_URI=databricks") as refused:
            DatabricksBackend.open(str(cluster_file), DATA_ROOT)
        assert "word" not in str(refused.value)


def test_unity_catalog_is_refused_as_the_registry(
    here: Workspace, cluster_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "databricks-uc")
    with pytest.raises(UserError, match="set MLFLOW_REGISTRY_URI=databricks"):
        DatabricksBackend.open(str(cluster_file), DATA_ROOT)


def test_a_cluster_file_is_needed_and_is_checked(here: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs backend_config, a cluster's JSON file"):
        DatabricksBackend.open("none", DATA_ROOT)
    wrapped = tmp_path / "wrapped.json"
    wrapped.write_text(json.dumps({"new_cluster": CLUSTER}))
    with pytest.raises(UserError, match="the flat form is needed"):
        DatabricksBackend.open(str(wrapped), DATA_ROOT)


def test_main_ends_with_the_sentence_and_starts_nothing(
    workspace: Workspace, run: Run, cluster_file: Path
) -> None:
    before = len(workspace.server.requests)
    done = run(
        *("python", "steps/main.py", "--backend", "databricks", "--data_root", "data"),
        *("--backend_config", str(cluster_file)),
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: The data root data is on this machine")
    assert len(workspace.server.requests) == before


@pytest.mark.parametrize("value", ["two words", "a;b", "it's", "", "a\nb", "$HOME", "日"])
def test_what_would_not_arrive_whole_is_not_sent(opened, parent, here: Workspace, value) -> None:
    before = len(here.jobs.runs)
    with pytest.raises(UserError, match="The parameter set of tune is"):
        opened.run("tune", {"set": value})
    assert len(here.jobs.runs) == before


@pytest.mark.slow
def test_a_failed_step_tells_its_sentence_and_odd_characters_arrive_whole(
    opened, parent, here: Workspace
) -> None:
    odd = "a_b.c/d:e@f=g,h+i-j%k"
    with pytest.raises(UserError, match="There is no run ") as told:
        opened.run("prep", {"recipe": "recipes/wine.yaml", "contract": odd})
    assert f"There is no run {odd!r} in the tracking store" in str(told.value)
    run = last_run()
    assert run.info.status == "FAILED"
    assert run.data.tags[FAILURE] == str(told.value)
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    number = max(here.jobs.runs)
    assert run.data.tags["mlflow.databricks.runURL"] == f"{here.server.url}/#job/{number}/run/1"
    job = here.jobs.runs[number].submitted
    assert odd in job["spark_python_task"]["parameters"]
    assert job["new_cluster"] == CLUSTER  # and nothing of MLflow's own


def test_a_cluster_that_the_service_refuses_ends_the_run(
    here: Workspace, parent, tmp_path: Path
) -> None:
    """The file has a policy, which the emulator's workspace does not have: it lacks fields."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"policy_id": "gone"}))
    backend = DatabricksBackend.open(str(path), DATA_ROOT)
    with pytest.raises(UserError, match="Databricks refused the job of prep: .*spark_version"):
        backend.run("prep", {"recipe": "recipes/wine.yaml"})
    assert last_run().info.status == "FAILED"


def test_a_cluster_that_never_starts_is_given_up(
    stuck: Workspace, cluster_file: Path, parent, monkeypatch
) -> None:
    monkeypatch.setenv("THROUGHLINE_POLL_SECONDS", "0.05")
    monkeypatch.setenv("THROUGHLINE_CLUSTER_START_MINUTES", "0.005")
    backend = DatabricksBackend.open(str(cluster_file), DATA_ROOT)
    with pytest.raises(UserError, match=r"did not start within 0.005 minutes \(PENDING \(Waiting"):
        backend.run("prep", {"recipe": "recipes/wine.yaml"})
    job = stuck.jobs.runs[max(stuck.jobs.runs)]
    assert job.state()["result_state"] == "CANCELED"
    assert last_run().info.status == "FAILED"


def when_looked_at(workspace: Workspace, do: Callable[[], Any]) -> threading.Thread:
    """Does something once the next job has been looked at."""
    before = len(workspace.jobs.runs)

    def wait() -> None:
        ask(lambda: len(workspace.jobs.runs) > before)
        ask(lambda: workspace.jobs.runs[before + 1].looks > 1)
        do()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("sent", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_whoever_waits_no_more_cancels(
    stuck: Workspace, opened, parent, caplog, sent, raised
) -> None:
    """As in a step, where SIGTERM is a SystemExit."""
    caplog.set_level("INFO")
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    thread = when_looked_at(stuck, lambda: os.kill(os.getpid(), sent))
    try:
        with pytest.raises(raised):
            opened.run("prep", {"recipe": "recipes/wine.yaml"})
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    number = max(stuck.jobs.runs)
    assert stuck.jobs.runs[number].state()["result_state"] == "CANCELED"
    assert last_run().info.status == "KILLED"
    assert f"prep: job run {number} is cancelled" in caplog.text


def test_a_token_that_expires_is_one_sentence_of_the_chain(stuck: Workspace, opened) -> None:
    thread = when_looked_at(stuck, lambda: stuck.server.tokens.discard(TOKEN))
    try:
        with pytest.raises(UserError, match="does not take the token any more") as told:  # noqa: SIM117
            with step_run("main"):  # which cannot end its run then
                opened.run("prep", {"recipe": "recipes/wine.yaml"})
    finally:
        thread.join()
        stuck.server.tokens.add(TOKEN)
    assert f"job run {max(stuck.jobs.runs)} of prep goes on unwatched" in str(told.value)
