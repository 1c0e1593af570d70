"""A deploy that is killed or interrupted while one server takes the place of another."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.deployment.clients import Unfinished, clients
from throughline.deployment.local import LocalTarget
from throughline.deployment.versions import resolve

MODEL = "late-test"
ROOT = Path(__file__).parents[2]
DEPLOY = """
import os, signal, sys
from pathlib import Path
from throughline.deployment import local
from throughline.deployment.launch import Launch
from throughline.deployment.process import ServerProcess
from throughline.deployment.versions import resolve

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

folder, port, moment, *host = sys.argv[1:]
if moment == "before it listens":
    Launch.listen = killed
elif moment == "before the old one ends":
    ServerProcess.end = killed
elif moment == "before its answers are compared":
    local._compare = killed
local.LocalTarget(Path(folder), int(port), *host).deploy(resolve("late-test", "challenger"))
"""
"""Deploys version 2, and is killed at a moment."""


@pytest.fixture
def target(registry, tmp_path, free_port):
    target = LocalTarget(tmp_path, free_port())
    yield target
    target.delete(MODEL)


@pytest.fixture
def killed(target, environment, eventually):
    """Serves version 1, and has the deployment of version 2 killed; returns who listens then."""

    def run(moment, count):
        target.deploy(resolve(MODEL, "champion"))
        command = [sys.executable, "-c", DEPLOY, str(target.states.folder), str(target.port)]
        ended = subprocess.run(
            [*command, moment], cwd=ROOT, env=environment, capture_output=True, text=True
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        eventually(lambda: len(servers(target.states.folder)) == count, seconds=30.0)
        return listeners(target)

    return run


@pytest.fixture
def deploying(target, environment):
    """Starts a deployment of version 2, which no fault strikes."""
    made = []

    def start(host=""):
        command = [sys.executable, "-c", DEPLOY, str(target.states.folder), str(target.port)]
        command += ["not at all", *([host] if host else [])]
        made.append(subprocess.Popen(command, cwd=ROOT, env=environment))
        return made[-1]

    yield start
    for process in made:
        process.kill()
        process.wait()


def servers(folder):
    """The servers of a test, by their logs."""
    told = {}
    for process in psutil.process_iter():
        with contextlib.suppress(OSError):
            told[process.pid] = os.readlink(f"/proc/{process.pid}/fd/1")
    return [pid for pid, log in told.items() if log.startswith(str(folder))]


def listeners(target):
    """Which of them listen on the target's port; more than one may."""
    found = set()
    for pid in servers(target.states.folder):
        ports = [c for c in psutil.Process(pid).net_connections() if c.status == psutil.CONN_LISTEN]
        found |= {pid for c in ports if c.laddr.port == target.port}
    return found


def test_both_listen_until_the_next_deployment(target, killed):
    before = killed("before the old one ends", 2)
    assert len(before) == 2
    made = target.deploy(resolve(MODEL, "challenger"))
    assert (made.change, made.healthy) == ("replaced", True)
    assert listeners(target) == {made.pid} == set(servers(target.states.folder))


def test_both_are_stopped(target, killed):
    assert len(killed("before the old one ends", 2)) == 2
    assert target.delete(MODEL).model.version == "2"
    assert servers(target.states.folder) == []


def test_the_old_one_is_found_if_the_new_one_never_listened(target, killed):
    (pid,) = killed("before it listens", 1)
    found = target.status(MODEL)
    assert (found.model.version, found.pid, found.healthy) == ("1", pid, True)
    again = target.deploy(resolve(MODEL, "champion"))
    assert (again.change, again.pid) == ("unchanged", pid)


def test_the_new_one_alone_is_deployed_again(target, killed):
    (pid,) = killed("before its answers are compared", 1)
    assert target.status(MODEL).model.version == "2"
    made = target.deploy(resolve(MODEL, "challenger"))
    assert (made.change, made.healthy) == ("replaced", True)
    assert listeners(target) == {made.pid} != {pid}


@pytest.mark.parametrize("fault", [signal.SIGINT, signal.SIGKILL])
def test_the_new_one_serves_on_while_the_old_one_answers_its_last_request(
    target, deploying, eventually, fault
):
    url = target.deploy(resolve(MODEL, "champion")).url
    held = Unfinished(url)
    deploy = deploying()
    old = target.states.read(MODEL)
    eventually(lambda: listeners(target) and old.process.pid not in listeners(target))
    with clients(url, 2) as answers:
        deploy.send_signal(fault)
        assert deploy.wait(30)
        assert target.status(MODEL).model.version == "2"
        threading.Timer(1, held.finish).start()
        assert target.deploy(resolve(MODEL, "challenger")).change == "replaced"
    assert held.status() == 200
    assert set(answers) == {200}
    assert listeners(target) == set(servers(target.states.folder)) == {target.status(MODEL).pid}


def test_the_old_one_serves_again_if_its_address_was_not_taken_yet(target, deploying, eventually):
    url = target.deploy(resolve(MODEL, "champion")).url
    held = Unfinished(url)
    deploy = deploying("::1")
    eventually(lambda: not listeners(target) and target.status(MODEL).model.version == "2")
    deploy.send_signal(signal.SIGINT)
    threading.Timer(1, held.finish).start()
    assert deploy.wait(60)
    found = target.status(MODEL)
    assert (found.model.version, found.healthy) == ("1", True)
    assert held.status() == 200
