"""A container on this machine: what can be seen of it where there is no Docker engine."""

import pytest

from throughline.deployment.targets import open_target
from throughline.errors import UserError


def test_without_an_engine_the_target_says_so(reached, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(UserError, match="No Docker engine answers .*; start one, or set DOCKER"):
        open_target("aml-local", "data", 5055)


def test_it_takes_no_options(reached):
    with pytest.raises(UserError, match="The target aml-local takes no options"):
        open_target("aml-local", "data", 5055, options="cpu=1")


def test_the_sdk_takes_the_port():
    from azureml.core.webservice import LocalWebservice

    configured = LocalWebservice.deploy_configuration(port=5055)
    configured.validate_configuration()
    assert configured.port == 5055
