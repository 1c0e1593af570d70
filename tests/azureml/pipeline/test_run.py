"""A run that does not end well: what is told, and what is ended."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.azureml.conftest import Run
from tests.azureml.pipeline.conftest import DATABRICKS, TOKEN, Given, Main
from tests.conftest import WriteRecipe
from tests.emulators.azureml.pipelines import PipelineRun
from tests.emulators.azureml.workspace import Workspace
from throughline.errors import UserError


def last_run(workspace: Workspace) -> PipelineRun:
    return list(workspace.pipelines.runs.values())[-1]


def ask(ready: Callable[[], Any], seconds: float = 120) -> Any:
    """What ``ready`` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


def once_it_runs(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, do: Callable[[PipelineRun], Any]
) -> threading.Thread:
    """Does something once the first step of the next run is there, and was looked at."""
    caplog.set_level("INFO")
    before = len(workspace.pipelines.runs)

    def wait() -> None:
        ask(lambda: len(workspace.pipelines.runs) > before)
        run = last_run(workspace)
        ask(lambda: run.process if workspace.pipelines.starts else run.steps)
        ask(lambda: "prep is " in caplog.text)
        do(run)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize(
    ("sent", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_whoever_waits_no_more_cancels(
    user: Workspace, main: Main, given: Given, caplog, sent, raised, starts
) -> None:
    """As in a step, where SIGTERM is a SystemExit."""
    user.pipelines.starts = starts
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    thread = once_it_runs(user, caplog, lambda run: os.kill(os.getpid(), sent))
    try:
        with pytest.raises(raised):
            main(given)
    finally:
        thread.join()
        signal.signal(signal.SIGTERM, before)
    run = last_run(user)
    assert run.thread
    run.thread.join()
    assert run.status == "KILLED" and run.process is None
    assert list(run.steps.values()) == ["prep"]
    assert f"the pipeline run {run.number} is cancelled" in caplog.text


def test_a_run_that_somebody_cancels_is_one_sentence(
    user: Workspace, main: Main, given: Given, caplog
) -> None:
    user.pipelines.starts = False
    thread = once_it_runs(user, caplog, lambda run: run.cancel())
    with pytest.raises(UserError, match=r"The pipeline run was cancelled; see https://"):
        main(given)
    thread.join()


@pytest.mark.slow
def test_a_step_that_stops_names_itself_and_ends_the_pipeline(
    user: Workspace, main: Main, given: Given, write_recipe: WriteRecipe, caplog
) -> None:
    caplog.set_level("INFO")
    recipe = write_recipe("nowhere", source={"table": "/nowhere/rows.parquet"})
    with pytest.raises(UserError) as told:
        main(Given(recipe, given.cluster))
    run = last_run(user)
    assert str(told.value).startswith("The step prep stopped: There is no table at /nowhere/rows")
    assert run.status == "FAILED" and list(run.steps.values()) == ["prep"]
    assert f"the pipeline run {run.number} is at https://" in caplog.text
    for state in ("Running", "Failed"):
        assert f"prep is {state}" in caplog.text


def test_a_step_that_breaks_tells_where_its_log_is(
    user: Workspace, main: Main, given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(user.pipelines.cluster.environment, "JAVA_HOME", "/nowhere")
    with pytest.raises(UserError, match=r"The step prep failed; its log is at https://.*/runs/"):
        main(given)


def test_bad_input_is_one_sentence_and_exit_code_2(
    running: Workspace, run: Run, given: Given, tmp_path
) -> None:
    names = running.names | {"DATABRICKS_TOKEN": TOKEN}
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"new_cluster": {}}')
    cases = [
        ({}, [], "No Azure ML workspace is named"),
        (names, ["--cluster", str(wrong)], "the flat form is needed"),
        (names, ["--data_root", "data"], "The data root data is on this machine"),
        (names, ["--recipe", "nowhere.yaml"], "The recipe nowhere.yaml cannot be read"),
        (names, ["--set", "no words"], "The override 'no words'"),
        (names, ["--every", "now"], "'now' is no time between runs"),
        (names | {"THROUGHLINE_POLL_SECONDS": "soon"}, [], "THROUGHLINE_POLL_SECONDS is 'soon'"),
    ]
    before = len(running.pipelines.runs), len(running.computes.attached)
    for environment, words, sentence in cases:
        done = run("python", "steps/aml_pipeline.py", *given.arguments, *words, **environment)
        assert done.returncode == 2, done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("error: ") and sentence in last
        assert "Traceback" not in done.stderr
        assert TOKEN not in done.stderr + done.stdout
    assert (len(running.pipelines.runs), len(running.computes.attached)) == before
    assert DATABRICKS not in running.computes.attached
