"""The hub that the environment names: what is told if there is none, or no client for it."""

import sys

import pytest

from throughline.azureml.iot_hub import IotHub
from throughline.errors import UserError


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("string", ["", "HostName=x", "nonsense"])
def test_without_a_connection_string(monkeypatch, string):
    monkeypatch.setenv("IOTHUB_CONNECTION_STRING", string)
    with pytest.raises(UserError, match="No IoT hub is named; set IOTHUB_CONNECTION_STRING"):
        IotHub.open()


def test_without_its_package_the_target_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "azure.iot.hub", None)
    with pytest.raises(UserError, match="azure-iot-hub; install requirements-iot-edge.txt"):
        IotHub.open()
