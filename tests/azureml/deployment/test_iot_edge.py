"""Modules of IoT Edge devices: the hub's real client, agents that run what they can pull."""

import json

import pytest

from tests.azureml.deployment.conftest import REQUEST
from tests.deployment.saved_model import MODEL
from tests.emulators.azureml.iot_hub import HOST, Device
from throughline.azureml.edge_manifest import AGENT, HUB, with_module
from throughline.azureml.iot_edge import IotEdgeOptions, IotEdgeTarget
from throughline.azureml.iot_hub import IotHub
from throughline.deployment.target import ModelVersion
from throughline.deployment.target_options import read_options
from throughline.errors import UserError

IMAGE = "registry.example.com/throughline-late-test"
OTHER = {
    "type": "docker",
    "status": "running",
    "restartPolicy": "always",
    "settings": {"image": "registry.example.com/camera:7", "createOptions": "{}"},
}


@pytest.fixture
def hub(reached, client, monkeypatch):
    """The hub, with two devices, one of which runs a module of somebody else."""
    found = reached.hub
    found.images = {f"{IMAGE}:1", f"{IMAGE}:2", "registry.example.com/camera:7"}
    found.devices.clear()
    found.devices |= {"gate-1": Device(), "gate-2": Device()}
    empty = {AGENT: {}, HUB: {}}
    manifest = with_module(empty, "camera", OTHER)
    manifest[HUB]["routes"] = {"all": "FROM /messages/* INTO $upstream"}
    found.devices["gate-2"].desired = manifest
    monkeypatch.setenv("IOTHUB_CONNECTION_STRING", found.connection_string)
    return found


@pytest.fixture
def version():
    return lambda number: ModelVersion(MODEL, number, "", "")


def opened(number="1", devices="gate-1+gate-2", wait=5, **more):
    options = IotEdgeOptions(image=f"{IMAGE}:{number}", devices=devices, wait_seconds=wait, **more)
    return IotEdgeTarget(IotHub.open(), options, poll_seconds=0.01)


def runs(hub, device):
    told = hub.devices[device].reported.get("modules", {})
    return {name: one["settings"]["image"] for name, one in told.items()}


def test_the_devices_run_the_module_beside_what_they_have(hub, version):
    target = opened(port=8080)
    made = target.deploy(version("1"))
    assert made.change == "started" and made.healthy
    assert (made.url, made.scoring_path) == (f"https://{HOST}", "")
    assert runs(hub, "gate-1") == {MODEL: f"{IMAGE}:1"}
    assert runs(hub, "gate-2") == {MODEL: f"{IMAGE}:1", "camera": OTHER["settings"]["image"]}
    assert hub.devices["gate-2"].desired[HUB]["routes"]
    options = hub.devices["gate-1"].desired[AGENT]["modules"][MODEL]["settings"]["createOptions"]
    bound = json.loads(options)["HostConfig"]["PortBindings"]
    assert bound == {"8080/tcp": [{"HostPort": "8080"}]}
    assert target.status(MODEL).model == version("1") and target.status(MODEL).healthy
    assert target.deploy(version("1")).change == "unchanged"
    assert target.logs(MODEL) == [f"{device}: started {IMAGE}:1" for device in ("gate-1", "gate-2")]
    with pytest.raises(UserError, match="answers on its devices only; ask it there, at port 8080"):
        target.predict(MODEL, REQUEST)


def test_a_new_version_and_the_end(hub, version):
    opened("1").deploy(version("1"))
    target = opened("2")
    assert target.deploy(version("2")).change == "replaced"
    assert runs(hub, "gate-1") == {MODEL: f"{IMAGE}:2"}
    gone = target.delete(MODEL)
    assert gone.model == version("2") and not gone.healthy
    assert runs(hub, "gate-1") == {}
    assert runs(hub, "gate-2") == {"camera": OTHER["settings"]["image"]}
    assert target.status(MODEL) is None and target.delete(MODEL) is None
    with pytest.raises(UserError, match="The device gate-1 has no module late-test"):
        target.logs(MODEL)


def test_an_image_that_cannot_be_pulled_is_taken_back(hub, version):
    opened("1").deploy(version("1"))
    told = r"does not run on gate-1 \(backoff\); gate-1 and gate-2 got back what was"
    with pytest.raises(UserError, match=told):
        opened("3", wait=0.1).deploy(version("3"))
    assert runs(hub, "gate-1") == {MODEL: f"{IMAGE}:1"}
    assert runs(hub, "gate-2") == {MODEL: f"{IMAGE}:1", "camera": OTHER["settings"]["image"]}


def test_a_device_that_is_not_connected_gets_it_later(hub, version, caplog):
    hub.devices["gate-2"].connected = False
    made = opened(wait=0.1).deploy(version("1"))
    assert made.change == "started" and not made.healthy
    assert "gate-2 has not told yet that it runs late-test" in caplog.text
    assert hub.devices["gate-2"].desired[AGENT]["modules"].keys() == {"camera", MODEL}


def test_no_device_keeps_it_if_one_cannot_be_given_it(hub, version):
    hub.devices["gate-2"].broken = True
    told = "answers 500 .*; gate-1 got back what was there before; gate-2 did not"
    with pytest.raises(UserError, match=told):
        opened().deploy(version("1"))
    assert runs(hub, "gate-1") == {}


def test_each_device_is_told_that_did_not_get_back_what_it_had(hub, version, monkeypatch):
    hub.devices["gate-2"].broken = True
    apply = IotHub.apply

    def lost(self, device, manifest):
        if device == "gate-1" and MODEL not in manifest[AGENT]["modules"]:
            raise UserError("The hub does not answer.")
        apply(self, device, manifest)

    monkeypatch.setattr(IotHub, "apply", lost)
    told = r"gate-1 did not \(The hub does not answer\); gate-2 did not \("
    with pytest.raises(UserError, match=told):
        opened().deploy(version("1"))


def test_a_module_of_somebody_else_is_left_alone(hub, version):
    target = opened(module="camera")
    with pytest.raises(UserError, match="module camera of gate-2 serves something else, nothing"):
        target.deploy(version("1"))
    assert target.delete(MODEL) is None
    assert hub.devices["gate-2"].desired[AGENT]["modules"] == {"camera": OTHER}


def test_modules_of_others_may_have_any_image_and_long_options(hub, version):
    settings = {"image": "example.com/x@sha256:ab", "createOptions": "{", "createOptions01": "}"}
    other = {**OTHER, "settings": settings}
    hub.images.add(settings["image"])
    hub.devices["gate-2"].desired[AGENT]["modules"]["camera"] = other
    opened(wait=0.1).deploy(version("1"))
    assert hub.devices["gate-2"].desired[AGENT]["modules"]["camera"] == other


def test_a_device_that_is_not_there_leaves_the_others_alone(hub, version):
    with pytest.raises(UserError, match=f"The hub {HOST} has no IoT Edge device gate-9; give"):
        opened(devices="gate-1+gate-9").deploy(version("1"))
    assert not hub.devices["gate-1"].desired[AGENT]


def test_a_key_that_is_refused(hub, version, monkeypatch):
    wrong = hub.connection_string.replace(hub.key, "d3Jvbmc=")
    monkeypatch.setenv("IOTHUB_CONNECTION_STRING", wrong)
    with pytest.raises(UserError, match="refuses the key; check IOTHUB_CONNECTION_STRING") as c:
        opened().deploy(version("1"))
    assert "d3Jvbmc=" not in str(c.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("devices=a", "it needs image"),
        ("image=x:1", "it needs devices"),
        ("image=x,devices=a", "the option image is 'x'"),
        ("image=x:1,devices=a b", "the option devices is 'a b'"),
        ("image=x:1,device=a", "unknown key 'device'; did you mean 'devices'?"),
    ],
)
def test_options_that_are_wrong(text, told):
    with pytest.raises(UserError, match="^The target iot-edge: ") as caught:
        read_options(text, IotEdgeOptions, "iot-edge")
    assert told in str(caught.value)
