"""Whether what is served is what deploy would serve, with a real registry and a real server."""

import mlflow
import pytest
import requests

from throughline.caching.reconciling import deployed
from throughline.deployment.limits import BODY_MB
from throughline.deployment.record import log_deployment
from throughline.deployment.targets import open_target
from throughline.deployment.token import TOKEN
from throughline.deployment.versions import resolve
from throughline.tracking import STEP

MODEL = "late-test"


@pytest.fixture
def port(free_port):
    return free_port()


@pytest.fixture
def look(tmp_path, port):
    """Looks whether deploy has something to do."""

    def ask(alias="champion", port=port):
        return deployed(MODEL, alias, "local", str(tmp_path), port)

    return ask


@pytest.fixture
def target(registry, tmp_path, port, monkeypatch):
    """The local target, which asks for a token and serves the champion."""
    monkeypatch.setenv(TOKEN, "a-secret-of-a-test")
    target = open_target("local", str(tmp_path), port)
    made = target.deploy(resolve(MODEL, "champion"))
    with mlflow.start_run(experiment_id="0", tags={STEP: "deploy"}):
        log_deployment(target, made)
    yield target
    target.delete(MODEL)


def test_deploy_is_taken_from_before_only_while_all_is_as_it_would_be(
    target, look, port, free_port, monkeypatch
):
    found = look()
    assert found.run.data.tags["endpoint.url"] == f"http://127.0.0.1:{port}"
    assert (found.why, found.figure) == ("", f"models:/{MODEL}/1 at http://127.0.0.1:{port}")
    assert look(alias="challenger").why == "version 1 is served"
    assert look(alias="nobody").why == "nothing is served"
    assert look(port=free_port()).why == f"it is served at http://127.0.0.1:{port}"
    for token in ("another-secret-of-a-test", ""):
        monkeypatch.setenv(TOKEN, token)
        assert look().why == "it asks for another token, or for none"
    monkeypatch.setenv(TOKEN, "a-secret-of-a-test")
    assert look().run
    monkeypatch.setenv(BODY_MB, "1")
    assert look().why == "it has other limits"
    assert target.deploy(resolve(MODEL, "champion")).change == "replaced"
    assert look().why == ""
    large = b" " * 2**20 + b"{}"
    url = f"http://127.0.0.1:{port}/invocations"
    headers = {"Authorization": "Bearer a-secret-of-a-test", "Content-Type": "application/json"}
    assert requests.post(url, large, headers=headers, timeout=9).status_code == 413
    target.states.read(MODEL).process.end()
    assert look().why == "nothing is served"


def test_what_does_not_answer_or_was_deployed_elsewhere_is_deployed(target, look, port):
    process = target.states.read(MODEL).process.find()
    process.suspend()
    assert look().why == f"http://127.0.0.1:{port} does not answer"
    process.resume()
    mlflow.delete_run(look().run.info.run_id)
    assert look().why == "it was deployed elsewhere"
