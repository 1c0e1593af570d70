"""A service on container instances: the real SDK, a workspace that runs what it is sent."""

import re

import pytest

from tests.azureml.deployment.conftest import REQUEST
from tests.deployment.saved_model import MODEL
from tests.emulators.azureml.services import TAKEN
from throughline.azureml.aci import AciOptions, AciTarget
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target import ModelVersion
from throughline.deployment.versions import fetch
from throughline.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(workspace, version):
    """The target, once version 1 was deployed, and what it said."""
    target = AciTarget(workspace, AciOptions(cpu=0.5))
    return target, target.deploy(version("1"))


@pytest.fixture
def target(made, here, monkeypatch):
    yield made[0]
    here.services.skewed.clear()
    here.services.cores, here.services.stuck = 100, False


@pytest.fixture
def unchecked(monkeypatch):
    """The version is sent though it cannot be loaded here."""
    monkeypatch.setattr("throughline.azureml.webservice_target.smoke_check", lambda *_: None)


def changes(here):
    """What created, changed or deleted a service."""
    found = [r for r in here.cloud.requests if "/services" in r.path and "validate" not in r.path]
    return [r.method for r in found if r.method != "GET" and "listkeys" not in r.path]


def served(target):
    return target.status(MODEL).model.version


def test_a_service_is_made_and_answers_as_the_model_does(made, here, version, tmp_path):
    target, deployment = made
    assert deployment.change == "started" and deployment.healthy
    assert deployment.startup_seconds > 0
    assert re.fullmatch(r"http://[\w-]+\.westeurope\.azurecontainer\.io", deployment.url)
    check = smoke_check(fetch(version("1"), tmp_path / "model"))
    assert check.agrees(target.predict(MODEL, check.request))
    (service,) = here.services.services.values()
    assert (
        service.asked["authEnabled"]
        and service.asked["containerResourceRequirements"]["cpu"] == 0.5
    )


def test_what_is_right_is_left_alone(target, here, version):
    before = changes(here)
    assert target.deploy(version("1")).change == "unchanged"
    assert target.status(MODEL).model == version("1")
    assert changes(here) == before


def test_nobody_is_answered_without_a_key(target, here):
    import requests

    url = target.status(MODEL).url
    assert requests.post(f"{url}/score", json=REQUEST, timeout=60).status_code == 401


def test_a_request_that_is_wrong_is_answered_as_the_local_endpoint_does(target):
    with pytest.raises(UserError, match="answered 400: These columns are missing: 'distance'"):
        target.predict(MODEL, {"dataframe_records": [{"carrier": "UA"}]})
    assert target.logs(MODEL)[-1] == "POST /score 400"
    assert target.logs(MODEL, lines=1) == target.logs(MODEL)[-1:]


def test_a_new_version_takes_the_place_of_the_old_one(target, here, version, caplog):
    before = target.predict(MODEL, REQUEST)
    deployment = target.deploy(version("2"))
    assert deployment.change == "replaced" and served(target) == "2"
    assert target.predict(MODEL, REQUEST) != before
    assert len(here.models.models) == 2, "a version is registered once"


def test_a_service_that_is_being_changed_is_left_alone(target, here, version):
    (service,) = here.services.services.values()
    service.state, before = "Transitioning", changes(here)
    with pytest.raises(UserError, match="is being changed already; deploy again when that is done"):
        target.deploy(version("1"))
    assert changes(here) == before and not target.status(MODEL).healthy
    service.state = "Healthy"


def test_a_version_that_never_becomes_healthy_is_undone(target, here, version, unchecked):
    told = "did not become healthy .*Your container application crashed.*; its log ends: "
    with pytest.raises(UserError, match=told) as caught:
        target.deploy(version("3"))
    sentence = str(caught.value)
    assert "a_library_that_is_not_here" in sentence
    assert sentence.endswith("; version 2 serves again.") and "\n" not in sentence
    assert served(target) == "2" and target.status(MODEL).healthy
    target.predict(MODEL, REQUEST)


def test_a_version_that_answers_otherwise_is_undone(target, here, version):
    here.services.skewed.add("1")
    with pytest.raises(UserError, match="the model in process gives .*; version 2 serves again"):
        target.deploy(version("1"))
    assert served(target) == "2"


def test_a_service_of_something_else_is_left_alone(target, here, version):
    (service,) = here.services.services.values()
    tags, service.asked["kvTags"] = service.asked["kvTags"], {"team": "x"}
    for act in (lambda: target.deploy(version("1")), lambda: target.delete(MODEL)):
        with pytest.raises(UserError, match="serves something else, nothing of this project; dele"):
            act()
    service.asked["kvTags"] = tags


def test_deleting_ends_the_service(target, here):
    gone = target.delete(MODEL)
    assert gone.model.version == "2" and not gone.healthy
    assert not here.services.services
    assert target.delete(MODEL) is None and target.status(MODEL) is None
    for ask in (target.logs, lambda name: target.predict(name, REQUEST)):
        with pytest.raises(UserError, match=f"has no service of {MODEL}; deploy it first"):
            ask(MODEL)


def test_a_first_version_that_never_becomes_healthy_leaves_nothing(
    target, here, version, unchecked
):
    with pytest.raises(
        UserError, match="did not become healthy .*; nothing is deployed, as before"
    ):
        target.deploy(version("3"))
    assert not here.services.services


def test_where_there_is_no_room_nothing_is_left(target, here, version):
    here.services.cores = 0.1
    with pytest.raises(UserError, match="is not available in the location .*as before"):
        target.deploy(version("1"))
    assert not here.services.services


def test_a_change_that_takes_too_long_is_told(workspace, here, version):
    hurried = AciTarget(workspace, AciOptions(limit_minutes=0.001))
    here.services.stuck = True
    with pytest.raises(UserError, match="was not ready within .* minutes; nothing is deployed"):
        hurried.deploy(version("1"))
    here.services.stuck = False
    assert not here.services.services


def test_a_name_that_is_not_to_be_had(target, here, version, monkeypatch):
    monkeypatch.setattr("throughline.azureml.webservice_target.service_name", lambda _: TAKEN)
    with pytest.raises(UserError, match=f"refused .The service name {TAKEN} is reserved.; nothing"):
        target.deploy(version("1"))
    assert not here.services.services


def test_a_model_that_cannot_be_loaded_here_is_not_sent(target, here, version):
    before = len(here.cloud.requests)
    with pytest.raises(UserError, match="a_library_that_is_not_here"):
        target.deploy(version("3"))
    assert all(r.method == "GET" for r in here.cloud.requests[before:])


def test_a_version_that_is_not_there(target, here):
    with pytest.raises(UserError, match="the files of models:/late-test/9 cannot be read"):
        target.deploy(ModelVersion(MODEL, "9", "", ""))
    assert not here.services.services
