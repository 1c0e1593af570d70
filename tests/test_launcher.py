"""A step ends with the process that launched it."""

import os
import subprocess
import sys
import time

import mlflow
import psutil
import pytest

from throughline.launcher import LOCK

STEP = """
import time
from throughline.step import run_step

def main():
    print("started", flush=True)
    try:
        time.sleep(120)
    finally:
        print("ended", flush=True)

run_step(main)
"""
IMPORTER = """
import sys, time
from throughline.step import run_step

class Slow:
    def find_spec(self, name, *_):
        if name == "mlflow.tracing.attachments":
            print("started", flush=True)
            time.sleep(120)  # it is ended before that

def main():
    sys.meta_path.insert(0, Slow())
    import mlflow

run_step(main)
"""
"""A step that is in the middle of an import."""
LAUNCHER = """
import subprocess, sys
subprocess.run({command!r})
"""
IMPORTING = """
import os, time
import throughline

launcher = os.getppid()
print("started", flush=True)
while os.getppid() == launcher:
    time.sleep(0.01)
"""
"""The start of a step whose launcher goes while it imports."""
ORPHAN = """
import subprocess
from throughline.launcher import as_launcher
wait = "while kill -0 $PPID 2>/dev/null; do sleep 0.05; done"
with as_launcher():
    subprocess.run(["bash", "-c", f"echo started; {{wait}}; {step}; echo $? > {code}"])
"""
"""A launcher whose step begins once it is gone."""
OUTSIDE = """
import sys, time
from pathlib import Path
from throughline.launcher import hold_lock

with hold_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(120)  # it is killed before that
"""
"""The launcher of a step in a container."""


def launched(tmp_path, command, environment):
    """The launcher, and the step that it launched, once that has begun."""
    log = tmp_path / "log"
    with log.open("wb") as out:
        launcher = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER.format(command=command)],
            env={**os.environ, **environment},
            stdout=out,
        )
    wait_for(lambda: b"started" in log.read_bytes())
    steps = psutil.Process(launcher.pid).children(recursive=True)
    return launcher, [one for one in steps if "python" in one.name()][-1], log


def wait_for(happened, seconds=30):
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("shell", [False, True])
def test_a_launcher_that_is_killed_ends_the_step(tmp_path, shell):
    (tmp_path / "step.py").write_text(STEP)
    command = [sys.executable, str(tmp_path / "step.py")]
    if shell:  # what MLflow puts before the command of another environment
        command = ["bash", "-c", f"true && {' '.join(command)}; true"]
    launcher, step, log = launched(tmp_path, command, {"MLFLOW_RUN_ID": "x", "PYTHONPATH": "."})
    launcher.kill()
    launcher.wait()
    wait_for(lambda: not step.is_running() or step.status() == psutil.STATUS_ZOMBIE)
    assert log.read_bytes().split() == [b"started", b"ended"]


def test_a_step_that_a_person_started_goes_on_without_the_shell(tmp_path):
    (tmp_path / "step.py").write_text(STEP)
    command = [sys.executable, str(tmp_path / "step.py")]
    launcher, step, _ = launched(tmp_path, command, {"PYTHONPATH": "."})
    launcher.kill()
    launcher.wait()
    with pytest.raises(psutil.TimeoutExpired):
        step.wait(2)
    step.kill()


def test_a_step_that_begins_when_its_launcher_is_gone_ends_itself(tmp_path):
    (tmp_path / "step.py").write_text(STEP)
    step, code = f"{sys.executable} {tmp_path}/step.py", tmp_path / "code"
    launcher = subprocess.Popen(
        [sys.executable, "-c", ORPHAN.format(step=step, code=code)],
        env={**os.environ, "MLFLOW_RUN_ID": "x", "PYTHONPATH": "."},
        stdout=subprocess.PIPE,
    )
    assert launcher.stdout.readline() == b"started\n"
    launcher.kill()
    launcher.wait()
    wait_for(lambda: code.exists() and code.read_text() == "143\n")
    launcher.stdout.close()


def test_a_step_whose_launcher_goes_while_it_imports_ends_itself_and_its_run(tmp_path, own_store):
    (tmp_path / "step.py").write_text(IMPORTING + STEP)
    command = [sys.executable, str(tmp_path / "step.py")]
    client = mlflow.MlflowClient()
    run_id = client.create_run("0").info.run_id
    environment = {"MLFLOW_RUN_ID": run_id, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    launcher, step, _ = launched(tmp_path, command, {**environment, "PYTHONPATH": "."})
    launcher.kill()
    launcher.wait()
    wait_for(lambda: not step.is_running() or step.status() == psutil.STATUS_ZOMBIE)
    assert client.get_run(run_id).info.status == "KILLED"


def test_a_step_that_cannot_see_its_launcher_ends_when_that_holds_its_lock_no_longer(tmp_path):
    (tmp_path / "step.py").write_text(STEP)
    lock, log = tmp_path / "lock", tmp_path / "log"
    environment = {**os.environ, "MLFLOW_RUN_ID": "x", "PYTHONPATH": "."}
    command = [sys.executable, "-c", OUTSIDE, str(lock)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout.readline() == b"held\n"
        with log.open("wb") as out:
            command = [sys.executable, str(tmp_path / "step.py")]
            step = subprocess.Popen(command, env={**environment, LOCK: str(lock)}, stdout=out)
        wait_for(lambda: b"started" in log.read_bytes())
        with pytest.raises(subprocess.TimeoutExpired):
            step.wait(2)
        launcher.kill()
        assert step.wait(30) == 143
    assert log.read_bytes().split() == [b"started", b"ended"]


def test_a_lock_that_is_not_seen_ends_no_step(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / "step.py").write_text(STEP)
    environment = {"MLFLOW_RUN_ID": "x", "PYTHONPATH": ".", LOCK: str(tmp_path / "lock")}
    command = [sys.executable, str(tmp_path / "step.py")]
    launcher, step, _ = launched(tmp_path, command, environment)
    with pytest.raises(psutil.TimeoutExpired):
        step.wait(2)
    step.kill()
    launcher.wait()


@pytest.mark.parametrize("step", [STEP, IMPORTER])
def test_a_step_that_is_told_to_end_before_it_has_taken_its_run_ends_that(
    tmp_path, own_store, step
):
    (tmp_path / "step.py").write_text(step)
    client = mlflow.MlflowClient()
    run_id = client.create_run("0").info.run_id
    environment = {"MLFLOW_RUN_ID": run_id, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()}
    command = [sys.executable, str(tmp_path / "step.py")]
    launcher, process, _ = launched(tmp_path, command, {**environment, "PYTHONPATH": "."})
    process.terminate()
    wait_for(process.children)  # it ends its run; a container is told once more meanwhile
    process.terminate()
    launcher.wait(30)
    assert client.get_run(run_id).info.status == "KILLED"
