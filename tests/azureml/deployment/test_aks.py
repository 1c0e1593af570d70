"""An endpoint on a Kubernetes cluster: the real SDK, a workspace that runs what it is sent."""

import pytest

from tests.azureml.deployment.asking import asking
from tests.azureml.deployment.conftest import REQUEST
from tests.deployment.saved_model import MODEL
from throughline.azureml.aks import AksOptions, AksTarget
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target_options import read_options
from throughline.deployment.versions import fetch
from throughline.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(workspace, version):
    """The target, once version 1 was deployed, and what it said."""
    target = AksTarget(workspace, AksOptions(compute="cluster", max_replicas=4))
    return target, target.deploy(version("1"))


@pytest.fixture
def target(made, here):
    yield made[0]
    here.services.skewed.clear()
    here.services.cores = 100


@pytest.fixture
def unchecked(monkeypatch):
    """The version is sent though it cannot be loaded here."""
    monkeypatch.setattr("throughline.azureml.webservice_target.smoke_check", lambda *_: None)


def shares(here):
    """The shares of the traffic, and which version has the rest."""
    (endpoint,) = here.services.services.values()
    found = {n: v.asked["trafficPercentile"] for n, v in endpoint.versions.items()}
    return found, [n for n, v in endpoint.versions.items() if v.asked.get("isDefault")]


def test_an_endpoint_is_made_and_answers_as_the_model_does(made, here, version, tmp_path):
    target, deployment = made
    assert deployment.change == "started" and deployment.healthy
    assert deployment.url == f"http://20.31.0.7:80/api/v1/service/{MODEL}"
    check = smoke_check(fetch(version("1"), tmp_path / "model"))
    assert check.agrees(target.predict(MODEL, check.request))
    (endpoint,) = here.services.services.values()
    assert endpoint.asked["authEnabled"] and endpoint.asked["computeName"] == "cluster"
    scaled = endpoint.versions["version-1"].asked["autoScaler"]
    assert scaled["autoscaleEnabled"] and (scaled["minReplicas"], scaled["maxReplicas"]) == (1, 4)
    assert shares(here) == ({"version-1": 100}, ["version-1"])


def test_what_is_right_is_left_alone(target, here, version):
    before = len(here.seen("PATCH", ".*")) + len(here.seen("POST", ".*/services"))
    assert target.deploy(version("1")).change == "unchanged"
    assert target.status(MODEL).model == version("1")
    assert len(here.seen("PATCH", ".*")) + len(here.seen("POST", ".*/services")) == before


def test_a_new_version_takes_all_traffic_and_no_request_fails(target, here, version):
    old = target.predict(MODEL, REQUEST)
    with asking(lambda: target.predict(MODEL, REQUEST)) as answers:
        deployment = target.deploy(version("2"))
    assert deployment.change == "replaced" and target.status(MODEL).model == version("2")
    new = target.predict(MODEL, REQUEST)
    assert new != old
    assert set(answers) == {repr(old), repr(new)}, answers
    assert shares(here) == ({"version-2": 100}, ["version-2"])


def test_a_version_that_never_becomes_healthy_leaves_the_old_one(target, here, version, unchecked):
    told = "application crashed.*; its log ends: .*; version 2 serves still"
    ask = asking(lambda: target.predict(MODEL, REQUEST))
    with ask as answers, pytest.raises(UserError, match=told) as caught:
        target.deploy(version("3"))
    assert "a_library_that_is_not_here" in str(caught.value)
    assert len(answers) == 1 and not next(iter(answers)).startswith("failed"), answers
    assert shares(here) == ({"version-2": 100}, ["version-2"])
    assert target.status(MODEL).healthy


def test_a_version_that_answers_otherwise_gets_no_traffic(target, here, version):
    here.services.skewed.add("1")
    with pytest.raises(UserError, match="the model in process gives .*; version 2 serves still"):
        target.deploy(version("1"))
    assert shares(here) == ({"version-2": 100}, ["version-2"])


def test_without_room_the_old_version_stays(target, here, version):
    here.services.cores = 0.1
    with pytest.raises(UserError, match="Couldn't schedule because .*; version 2 serves still"):
        target.deploy(version("1"))
    assert shares(here) == ({"version-2": 100}, ["version-2"])


def test_a_share_of_the_traffic_and_then_all(target, workspace, here, version):
    fifth = AksTarget(workspace, AksOptions(compute="cluster", traffic=20))
    assert fifth.deploy(version("1")).change == "replaced"
    assert shares(here) == ({"version-2": 80, "version-1": 20}, ["version-2"])
    assert target.status(MODEL).model.version == "2"
    assert fifth.deploy(version("1")).change == "unchanged"
    made = len(here.services.services[MODEL].versions)
    with asking(lambda: target.predict(MODEL, REQUEST)) as answers:
        target.deploy(version("1"))
    assert made == 2 and not [a for a in answers if a.startswith("failed")]
    assert shares(here) == ({"version-1": 100}, ["version-1"])


def test_deleting_ends_the_endpoint(target, here):
    gone = target.delete(MODEL)
    assert gone.model.version == "1" and not gone.healthy
    assert not here.services.services
    assert target.delete(MODEL) is None and target.status(MODEL) is None


def test_a_first_version_that_never_becomes_healthy_leaves_nothing(
    target, here, version, unchecked
):
    with pytest.raises(
        UserError, match="did not become healthy .*; nothing is deployed, as before"
    ):
        target.deploy(version("3"))
    assert not here.services.services


@pytest.mark.parametrize("name", ["nowhere", "machines"])
def test_a_cluster_that_is_not_there_or_none(workspace, version, name):
    lost = AksTarget(workspace, AksOptions(compute=name))
    with pytest.raises(UserError, match=f"has no Kubernetes cluster {name}; attach one"):
        lost.deploy(version("1"))


def test_a_service_of_another_kind_is_left_alone(target, workspace, here, version):
    from throughline.azureml.aci import AciOptions, AciTarget

    small = AciTarget(workspace, AciOptions())
    small.deploy(version("1"))
    with pytest.raises(UserError, match="has a service late-test of another kind .ACI.; delete it"):
        target.deploy(version("2"))
    assert small.delete(MODEL).model.version == "1"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("none", "it needs compute; give it as -P target_options=compute=VALUE."),
        ("compute=c,replica=2", "unknown key 'replica'; did you mean 'replicas'?"),
        ("compute=c,replicas=many", "the option replicas is 'many': Input should be a valid int"),
        ("compute=c,max_replicas=1,min_replicas=2", "max_replicas is below min_replicas"),
    ],
)
def test_options_that_are_wrong(text, told):
    with pytest.raises(UserError, match="^The target aks: ") as caught:
        read_options(text, AksOptions, "aks")
    assert told in str(caught.value)
