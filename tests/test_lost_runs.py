"""Runs that were left RUNNING, and whose process is or is not there."""

import os
import shutil
import socket
import subprocess
import sys
import time

import mlflow
import psutil
import pytest
from mlflow.projects.utils import get_or_create_run

from throughline.checkout import project_root
from throughline.lost_runs import PARENT, PROCESS, end_lost_runs, this_process
from throughline.tracking import STEP, step_run


@pytest.fixture
def client(empty_store, tmp_path, monkeypatch):
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def run(client):
    """Makes a run that is RUNNING, and returns its id."""

    def make(**tags):
        named = {"process": PROCESS, "parent": PARENT}
        return client.create_run("0", tags={named[k]: v for k, v in tags.items()}).info.run_id

    return make


def gone():
    """A process of this machine that has ended, as the tag has it."""
    code = "from throughline.lost_runs import this_process; print(this_process())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=os.getcwd()
    ).stdout.strip()


def status(client, run_id):
    return client.get_run(run_id).info.status


def test_what_a_dead_process_left_is_ended_with_all_below(client, run):
    step = run(process=gone())
    candidate = run(parent=step)
    trial = run(parent=candidate)
    assert set(end_lost_runs("0")) == {step, candidate, trial}
    assert {status(client, one) for one in (step, candidate, trial)} == {"KILLED"}
    assert end_lost_runs("0") == []


def test_a_run_whose_parent_was_removed_for_good_is_left_alone(client, run):
    child = run(parent="0" * 32)
    assert end_lost_runs("0") == []
    assert status(client, child) == "RUNNING"


def test_what_lives_goes_on_with_all_below(client, run):
    step = run(process=this_process())
    child = run(parent=step)
    assert end_lost_runs("0") == []
    assert status(client, child) == "RUNNING"


def test_the_same_process_id_of_a_later_process_is_not_it(client, run):
    machine, pid, began = this_process().rsplit(" ", 2)
    step = run(process=f"{machine} {pid} {float(began) - 60:.2f}")
    assert end_lost_runs("0") == [step]


def test_a_process_that_ended_but_was_not_waited_for_is_gone(client, run):
    code = "from throughline.lost_runs import this_process; print(this_process())"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as ended:
        told = ended.stdout.read().strip()
        deadline = time.monotonic() + 30
        while psutil.Process(ended.pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
        step = run(process=told)
        assert end_lost_runs("0") == [step]


def test_a_run_that_ends_well_while_they_are_looked_for_stays_so(client, run, monkeypatch):
    step = run(process=gone())
    search = mlflow.MlflowClient.search_runs

    def and_then_it_ends(self, *arguments, **options):
        found = search(self, *arguments, **options)
        client.set_terminated(step)
        return found

    monkeypatch.setattr(mlflow.MlflowClient, "search_runs", and_then_it_ends)
    assert end_lost_runs("0") == []
    assert status(client, step) == "FINISHED"


def test_another_machine_is_believed(client, run):
    run(process=f"elsewhere pid:[1] 1 {psutil.Process().create_time()}")
    run(process=f"{socket.gethostname()} pid:[1] 1 2.00")  # a container with this host's name
    assert end_lost_runs("0") == []


def test_another_machine_of_the_same_name_is_believed(client, run, tmp_path, monkeypatch):
    ids = [tmp_path / "this", tmp_path / "another", tmp_path / "none"]
    for file in ids[:2]:
        file.write_text(f"{file.name}\n")
    for file in ids:
        monkeypatch.setattr("throughline.lost_runs.MACHINE_ID", file)
        machine, pid, began = this_process().rsplit(" ", 2)
        step = run(process=f"{machine} {pid} {float(began) - 60:.2f}")
        for other in ids:
            monkeypatch.setattr("throughline.lost_runs.MACHINE_ID", other)
            if other != file:
                assert end_lost_runs("0") == []
        monkeypatch.setattr("throughline.lost_runs.MACHINE_ID", file)
        assert end_lost_runs("0") == [step]


def test_a_child_goes_with_its_parent_that_has_ended(client, run):
    step = run(process=gone())
    child = run(parent=step)
    client.set_terminated(step, "FAILED")
    assert end_lost_runs("0") == [child]
    assert status(client, step) == "FAILED"


def test_what_is_not_of_this_project_is_left_alone(client, run):
    other = run()
    run(parent=other)
    ended = run()
    run(parent=ended)
    client.set_terminated(ended)
    assert end_lost_runs("0") == []


def test_what_no_step_took_is_ended_after_a_day(client, monkeypatch):
    project = str(project_root())
    own = get_or_create_run(None, project, "0", project, None, "prep", {})  # as mlflow run does
    now, tags = own.info.start_time, own.data.tags

    def made(hours, **others):
        named = tags | {f"mlflow.{name}": value for name, value in others.items()}
        return client.create_run("0", now - hours * 3_600_000, named).info.run_id

    untaken = made(25)
    child = made(24, parentRunId=untaken)
    made(23)
    made(25, **{"source.name": "another project"})
    made(25, **{"project.entryPoint": "aml_pipeline"})  # which takes none, and may wait for days
    monkeypatch.setenv("MLFLOW_RUN_ID", own.info.run_id)
    with step_run("prep"):
        ended = client.search_runs(["0"], "attributes.status = 'KILLED'")
        assert {one.info.run_id for one in ended} == {untaken, child}


def test_a_step_ends_them_when_it_starts(client, run):
    left = run(process=gone())
    with step_run("prep") as own:
        assert status(client, left) == "KILLED"
        tags = client.get_run(own.info.run_id).data.tags
        assert (tags[PROCESS], tags[STEP]) == (this_process(), "prep")
        assert status(client, own.info.run_id) == "RUNNING"
