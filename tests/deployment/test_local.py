"""The local target with real server processes."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psutil
import pytest
import requests

from tests.deployment.clients import REQUEST, Unfinished, clients
from throughline.deployment.handover import bound
from throughline.deployment.launch import Launch
from throughline.deployment.local import LocalTarget
from throughline.deployment.process import ServerProcess
from throughline.deployment.versions import resolve
from throughline.errors import UserError

MODEL = "late-test"
LONG = 7
"""Seconds that a request takes: more than the five after which servers that are ended often cut."""


@pytest.fixture(scope="module")
def champion(registry):
    return resolve(MODEL, "champion")


@pytest.fixture(scope="module")
def target(registry, tmp_path_factory, free_port):
    """A target whose endpoint, if a test leaves one, is stopped at the end."""
    target = LocalTarget(tmp_path_factory.mktemp("data") / "deployments", free_port())
    yield target
    target.delete(MODEL)


@pytest.fixture
def served(target, champion):
    """The champion, deployed; it is left alone where a test before has deployed it."""
    return target.deploy(champion)


def test_a_deployed_model_answers_and_can_be_found(target, served):
    assert served.healthy and psutil.pid_exists(served.pid)
    assert served.url == f"http://127.0.0.1:{target.port}"
    (row,) = target.predict(MODEL, REQUEST)
    assert row["prediction"] == 1
    found = target.status(MODEL)
    assert (found.model, found.pid, found.healthy) == (served.model, served.pid, True)
    assert any("running on" in line for line in target.logs(MODEL))
    assert target.logs(MODEL, lines=1) == target.logs(MODEL)[-1:]


def test_it_is_detached_and_knows_nothing_of_the_run(served):
    process = psutil.Process(served.pid)
    assert os.getsid(served.pid) == served.pid
    assert "MLFLOW_RUN_ID" not in process.environ()
    assert os.readlink(f"/proc/{served.pid}/fd/0") == os.devnull


def test_the_same_version_again_is_left_alone(target, champion, served):
    again = target.deploy(champion)
    assert (again.change, again.pid, again.startup_seconds) == ("unchanged", served.pid, None)


def test_a_refused_request_is_a_sentence(target, served):
    with pytest.raises(UserError, match="answered 400: These columns are missing: 'distance'"):
        target.predict(MODEL, {"dataframe_records": [{"carrier": "UA"}]})


def test_a_model_that_does_not_load_leaves_the_old_one_alone(target, served):
    with pytest.raises(UserError, match="exit code 1 while it loaded.*a_library_that_is_not_here"):
        target.deploy(resolve(MODEL, "dies"))
    assert target.status(MODEL).pid == served.pid
    assert target.predict(MODEL, REQUEST)


def test_a_model_that_answers_differently_is_rolled_back(target, served):
    with pytest.raises(UserError, match="to the input example.*version 1 serves again"):
        target.deploy(resolve(MODEL, "unstable"))
    found = target.status(MODEL)
    assert found.model == served.model and found.healthy
    assert found.pid != served.pid
    assert _listeners(target.port) == {found.pid}


def test_another_model_does_not_take_the_port(target, champion, served):
    with pytest.raises(UserError, match=f"port {target.port} already serves models:/{MODEL}/1"):
        target.deploy(replace(champion, name="another"))


def test_a_request_that_takes_long_is_answered_by_the_server_that_it_reached(
    champion, tmp_path, free_port, eventually
):
    target = LocalTarget(tmp_path, free_port())
    url = target.deploy(champion).url
    try:
        held = Unfinished(url)

        def finish():
            eventually(lambda: target.status(MODEL).model.version == "2")
            time.sleep(LONG)
            held.finish()

        with ThreadPoolExecutor() as threads:
            finished = threads.submit(finish)
            assert target.deploy(resolve(MODEL, "challenger")).change == "replaced"
            finished.result()
        assert held.status() == 200
    finally:
        target.delete(MODEL)


def test_a_new_version_replaces_the_old_one_and_can_be_stopped(target, served):
    with clients(served.url, 4) as answers:
        new = target.deploy(resolve(MODEL, "challenger"))
    assert {answer for answer in answers if answer != 200} == set()
    assert len(answers) > 100
    assert (new.change, new.model.version) == ("replaced", "2")
    assert new.startup_seconds > 0
    described = requests.get(f"{new.url}/model", timeout=5).json()
    assert described["version"] == "2"
    assert not psutil.pid_exists(served.pid)

    assert target.delete(MODEL).pid == new.pid
    assert not psutil.pid_exists(new.pid)
    assert target.delete(MODEL) is None
    assert target.status(MODEL) is None
    with pytest.raises(UserError, match="no endpoint of late-test runs"):
        target.predict(MODEL, REQUEST)
    with pytest.raises(UserError, match="there is no endpoint of late-test"):
        target.logs(MODEL)


def test_a_foreign_program_keeps_its_port(champion, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        target = LocalTarget(tmp_path, foreign.getsockname()[1])
        with pytest.raises(UserError, match="in use by another program; give -P port="):
            target.deploy(champion)
        assert target.status(MODEL) is None


def test_a_program_that_takes_the_port_while_the_model_loads_keeps_it(
    champion, tmp_path, free_port, monkeypatch
):
    target = LocalTarget(tmp_path, free_port())
    loaded = Launch.wait_loaded
    with bound("127.0.0.1", target.port) as foreign:  # as another deployment holds it, too
        monkeypatch.setattr(Launch, "wait_loaded", lambda it: (loaded(it), foreign.listen()))
        with pytest.raises(UserError, match="in use by another program; give -P port=.*; nothing"):
            target.deploy(champion)
        assert _listeners(target.port) == {os.getpid()}
    assert target.status(MODEL) is None


def test_a_process_that_has_the_old_id_is_not_ended(champion, tmp_path, free_port):
    target = LocalTarget(tmp_path, free_port())
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        _remember(target, champion, replace(ServerProcess.of(other.pid), created=1.0))
        assert target.status(MODEL) is None
        assert target.delete(MODEL) is None
        assert other.poll() is None
        assert not target.states.path(MODEL).exists()
    finally:
        other.kill()
        other.communicate()


def test_an_endpoint_that_died_has_a_log_but_no_status(champion, tmp_path, free_port):
    target = LocalTarget(tmp_path, free_port())
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = ServerProcess.of(ended.pid)
    ended.communicate()
    _remember(target, champion, process)
    (tmp_path / "log").write_text("first\n\nlast words\n")
    assert target.status(MODEL) is None
    assert target.logs(MODEL, lines=1) == ["last words"]


def test_a_damaged_state_file_is_ignored(champion, tmp_path, free_port, caplog):
    target = LocalTarget(tmp_path, free_port())
    target.states.path(MODEL).write_text('{"model": 1')
    assert target.status(MODEL) is None
    assert "is not the state of an endpoint" in caplog.text


def test_the_same_number_in_another_store_is_another_version(champion, tmp_path, free_port):
    target = LocalTarget(tmp_path, free_port())
    state = _remember(target, champion, ServerProcess.of(os.getpid()))
    assert target._serves(state, champion, state.host)
    assert not target._serves(state, replace(champion, source="elsewhere"), state.host)


def test_end_kills_what_does_not_listen():
    code = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); input()"
    )
    deaf = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    deaf.stdout.readline()
    process = ServerProcess.of(deaf.pid)
    assert process.end(patience=0.2)
    assert process.find() is None
    assert not process.end()
    deaf.communicate()


def test_what_its_parent_has_not_waited_for_has_ended_all_the_same():
    code = "import subprocess, sys; made = subprocess.Popen(['sleep', '99']); print(made.pid);"
    code += "sys.stdout.flush(); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as parent:
        process = ServerProcess.of(int(parent.stdout.readline()))
        began = time.monotonic()
        assert process.end(patience=30.0)
        assert time.monotonic() - began < 20
        assert process.find() is None
        parent.communicate(b"\n")


def _remember(target, model, process):
    from throughline.deployment.state import EndpointState

    log = str(target.states.folder / "log")
    state = EndpointState(model, "nowhere", "127.0.0.1", target.port, process, log)
    target.states.write(state)
    assert json.loads(target.states.path(MODEL).read_text())["port"] == target.port
    return state


def _listeners(port):
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return {c.pid for c in listening if c.laddr.port == port}
