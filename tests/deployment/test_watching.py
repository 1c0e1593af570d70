"""An endpoint that follows an alias."""

import logging
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from tests.deployment.clients import clients
from throughline.deployment.local import LocalTarget
from throughline.deployment.target import Deployment, ModelVersion
from throughline.deployment.watching import watch
from throughline.errors import UserError

MODEL = "late-test"


@pytest.fixture
def alias(registry):
    """Moves the alias that is watched."""
    client = mlflow.MlflowClient()
    yield lambda version: client.set_registered_model_alias(MODEL, "watched", version)
    client.delete_registered_model_alias(MODEL, "watched")


@contextmanager
def watched(target, seconds=0.2):
    """Watches the alias in a thread; yields what was deployed."""
    deployed, ended = [], threading.Event()
    arguments = (target, MODEL, "watched", deployed.append, seconds, ended)
    watching = threading.Thread(target=watch, args=arguments)
    watching.start()
    try:
        yield deployed
    finally:
        ended.set()
        watching.join()
        target.delete(MODEL)


def test_it_follows_the_alias_past_what_cannot_be_deployed(
    alias, tmp_path, free_port, eventually, caplog
):
    caplog.set_level(logging.WARNING, "throughline.deployment.watching")
    target = LocalTarget(tmp_path / "deployments", free_port())
    with watched(target) as deployed:
        eventually(lambda: "has no alias watched" in caplog.text)
        alias("1")
        first = eventually(lambda: target.status(MODEL))
        assert (first.model.version, first.healthy) == ("1", True)
        with clients(first.url, 2) as answers:
            alias("3")  # does not load
            eventually(lambda: "a_library_that_is_not_here" in caplog.text)
            alias("2")
            eventually(lambda: target.status(MODEL).model.version == "2")
        assert set(answers) == {200}
        assert caplog.text.count("exit code 1 while it loaded") == 1
        eventually(lambda: len(deployed) == 2)
        assert [(one.model.version, one.change) for one in deployed] == [
            *(("1", "started"), ("2", "replaced"))
        ]


def test_a_port_that_was_taken_for_a_while_is_tried_again(alias, tmp_path, eventually, caplog):
    caplog.set_level(logging.WARNING, "throughline.deployment.watching")
    alias("1")
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        target = LocalTarget(tmp_path / "deployments", foreign.getsockname()[1])
        with watched(target) as deployed:
            eventually(lambda: "in use by another program" in caplog.text)
            foreign.close()
            assert eventually(lambda: deployed)[0].model.version == "1"
    assert caplog.text.count("in use by another program") == 1


class Failing:
    """A target that fails in one way after another, and serves then."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.tried = []
        self.served = None

    def deploy(self, model):
        self.tried.append(time.monotonic())
        if self.errors:
            raise self.errors.pop(0)
        self.served = Deployment(model, "http://127.0.0.1:1", 1, "log", healthy=True)
        return self.served

    def status(self, name):
        return self.served

    def delete(self, name):
        pass


class Workspace(Failing):
    """A target that does not tell of which run the version is that it serves."""

    asked = 0

    def status(self, name):
        self.asked += 1
        if self.served is None:
            return None
        version = ModelVersion(self.served.model.name, self.served.model.version, "", "")
        return replace(self.served, model=version)


def test_an_endpoint_that_tells_only_name_and_version_is_deployed_once(alias, eventually):
    alias("1")
    target = Workspace()
    with watched(target, 0.02) as deployed:
        eventually(lambda: target.asked > 4)
        alias("2")
        eventually(lambda: len(target.tried) > 1)
        asked = target.asked
        eventually(lambda: target.asked > asked + 4)
    assert [one.model.version for one in deployed] == ["1", "2"]


class Shared(Workspace):
    """A target where the version has a share of the traffic, and another one most of it."""

    def status(self, name):
        self.asked += 1
        return self.served and replace(self.served, model=ModelVersion(name, "9", "", ""))

    def deploy(self, model):
        change = "unchanged" if self.tried else "started"
        return replace(super().deploy(model), change=change)


def test_what_is_deployed_already_is_not_told_again(alias, eventually):
    alias("1")
    target = Shared()
    with watched(target, 0.02) as deployed:
        eventually(lambda: len(target.tried) > 3)
    assert [one.change for one in deployed] == ["started"]


def test_the_pauses_grow_whatever_fails(alias, eventually, caplog):
    caplog.set_level(logging.WARNING, "throughline.deployment.watching")
    alias("1")
    target = Failing(
        MlflowException("no answer"), OSError("no space"), UserError("too slow"), OSError("again")
    )
    with watched(target, 0.05) as deployed:
        eventually(lambda: deployed)
    first, second, third, fourth, fifth = target.tried
    assert second - first >= 0.1
    assert third - second >= 0.2
    assert fourth - third >= 0.4
    assert fifth - fourth >= 0.8
    assert "no answer; it is tried again later" in caplog.text
    assert "no space" not in caplog.text


def test_a_server_that_is_gone_is_told_without_its_password(alias, gone_server, eventually, caplog):
    caplog.set_level(logging.WARNING, "throughline.deployment.watching")
    alias("1")
    store = mlflow.get_tracking_uri()

    def deployed(_):
        raise MlflowException("API request to http://ada:secret@host/told failed")

    target = Failing(MlflowException("API request to http://ada:secret@host/tried failed"))
    arguments = (target, MODEL, "watched", deployed, 0.02, ended := threading.Event())
    watching = threading.Thread(target=watch, args=arguments)
    watching.start()
    try:
        eventually(lambda: "http://host/tried failed; it is tried again" in caplog.text)
        eventually(lambda: "http://host/told failed" in caplog.text)
        gone_server()
        eventually(lambda: "http://127.0.0.1:9/api" in caplog.text)
    finally:
        ended.set()
        watching.join()
        mlflow.set_tracking_uri(store)
    assert "secret" not in caplog.text
