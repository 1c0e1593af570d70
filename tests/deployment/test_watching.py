"""An endpoint that follows an alias."""

import logging
import threading

import mlflow
import pytest

from throughline.deployment.local import LocalTarget
from throughline.deployment.watching import watch

MODEL = "late-test"


@pytest.fixture
def alias(registry):
    """Moves the alias that is watched."""
    client = mlflow.MlflowClient()
    yield lambda version: client.set_registered_model_alias(MODEL, "watched", version)
    client.delete_registered_model_alias(MODEL, "watched")


def test_it_follows_the_alias_past_what_cannot_be_deployed(
    alias, tmp_path, free_port, eventually, caplog
):
    caplog.set_level(logging.WARNING, "throughline.deployment.watching")
    target, ended = LocalTarget(tmp_path / "deployments", free_port()), threading.Event()
    deployed = []
    arguments = (target, MODEL, "watched", deployed.append, 0.2, ended)
    watching = threading.Thread(target=watch, args=arguments)
    watching.start()
    try:
        eventually(lambda: "has no alias watched" in caplog.text)
        alias("1")
        first = eventually(lambda: target.status(MODEL))
        assert (first.model.version, first.healthy) == ("1", True)
        alias("3")  # does not load
        eventually(lambda: "a_library_that_is_not_here" in caplog.text)
        alias("2")
        eventually(lambda: target.status(MODEL).model.version == "2")
        assert caplog.text.count("exit code 1 while it loaded") == 1
        eventually(lambda: len(deployed) == 2)
        assert [(one.model.version, one.change) for one in deployed] == [
            *(("1", "started"), ("2", "replaced"))
        ]
    finally:
        ended.set()
        watching.join()
        target.delete(MODEL)
