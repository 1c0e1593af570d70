"""A managed online endpoint: MLflow's real plugin, a workspace that runs what is registered."""

import json
import os
import shlex
import subprocess

import mlflow
import pytest

from tests.azureml.deployment.asking import asking
from tests.azureml.deployment.conftest import REQUEST
from tests.deployment.saved_model import MODEL, VERSIONS, save_model
from tests.emulators.azureml.online_endpoints import TAKEN
from throughline.azureml.managed_endpoint import ManagedEndpointOptions, ManagedEndpointTarget
from throughline.deployment.record import log_deployment
from throughline.deployment.smoke import smoke_check
from throughline.deployment.target import ModelVersion
from throughline.deployment.versions import fetch
from throughline.errors import UserError
from throughline.registry.digest import DIGEST, digest_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def here(reached, tmp_path_factory):
    """The workspace, with versions of the small model in its own registry."""
    from throughline.azure_store import open_azure_store

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(reached.tracking.address)
    open_azure_store(reached.tracking.address)
    client = mlflow.MlflowClient()
    client.create_registered_model(MODEL)
    experiment = client.create_experiment("serving")
    for number, config in VERSIONS.items():
        run = client.create_run(experiment)
        folder = tmp_path_factory.mktemp("saved") / "model"
        save_model(folder, run.info.run_id, config)
        client.log_artifacts(run.info.run_id, str(folder), "model")
        source = f"{run.info.artifact_uri}/model"
        tags = {DIGEST: digest_of(folder)}
        made = client.create_model_version(MODEL, source, run.info.run_id, tags)
        assert str(made.version) == number
    yield reached
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def version():
    """A version, as an endpoint tells of it."""
    return lambda number: ModelVersion(MODEL, number, "", "")


@pytest.fixture(scope="module")
def made(here, version):
    """The target, once version 1 was deployed, and what it said."""
    target = ManagedEndpointTarget.open(ManagedEndpointOptions())
    return target, target.deploy(version("1"))


@pytest.fixture
def target(made, here):
    yield made[0]
    here.endpoints.skewed.clear()
    here.endpoints.machines = 10


@pytest.fixture
def unchecked(monkeypatch):
    """The version is sent though it cannot be loaded here."""
    monkeypatch.setattr("throughline.azureml.managed_endpoint.smoke_check", lambda *_: None)


def shares(here):
    endpoint = here.endpoints.endpoints[MODEL]
    return endpoint.traffic, sorted(endpoint.deployments)


def test_an_endpoint_is_made_and_answers_as_the_model_does(made, here, version, tmp_path):
    target, deployment = made
    assert deployment.change == "started" and deployment.healthy
    assert deployment.url == f"https://{MODEL}.westeurope.inference.ml.azure.com"
    check = smoke_check(fetch(version("1"), tmp_path / "model"))
    assert check.agrees(target.predict(MODEL, check.request))
    assert shares(here) == ({"version-1": 100}, ["version-1"])
    found = here.endpoints.endpoints[MODEL]
    assert found.asked["properties"]["authMode"] == "Key"
    (deployed,) = found.deployments.values()
    assert deployed["properties"]["instanceType"] == "Standard_DS3_v2"
    assert deployed["sku"]["capacity"] == 1


def test_what_is_right_is_left_alone(target, here, version):
    before = len([r for r in here.cloud.requests if r.method in ("PUT", "PATCH")])
    assert target.deploy(version("1")).change == "unchanged"
    assert target.status(MODEL).model == version("1")
    assert len([r for r in here.cloud.requests if r.method in ("PUT", "PATCH")]) == before


def test_the_request_that_is_shown_can_be_sent_by_hand(target, here, version, tmp_path):
    client = mlflow.MlflowClient()
    opened = client.create_run(client.get_experiment_by_name("serving").experiment_id)
    with mlflow.start_run(opened.info.run_id):
        told = log_deployment(target, target.deploy(version("1")))
    key = here.endpoints.endpoints[MODEL].key
    command = told.splitlines()[-1]
    assert '-H "Authorization: Bearer $AZUREML_ENDPOINT_KEY"' in command and key not in told
    through = shlex.join(["-x", here.cloud.url, "--cacert", str(here.authority)])
    done = subprocess.run(
        ["bash", "-c", f"{command} {through}"],
        env={**os.environ, "AZUREML_ENDPOINT_KEY": key},
        capture_output=True,
        text=True,
    )
    check = smoke_check(fetch(version("1"), tmp_path / "model"))
    assert check.agrees(json.loads(done.stdout))
    kept = client.get_run(opened.info.run_id)
    assert key not in str(kept.to_dictionary()) and kept.data.metrics["latency_p50_ms"] > 0


@pytest.mark.parametrize(
    "request_",
    [
        {"dataframe_split": {"columns": ["carrier", "distance"], "data": [["UA", 1400]]}},
        {"instances": [{"carrier": "UA", "distance": 1400}]},
        {"inputs": {"carrier": ["UA"], "distance": [1400]}},
    ],
)
def test_every_form_of_a_table_is_answered(target, request_):
    assert target.predict(MODEL, request_) == target.predict(MODEL, REQUEST)


def test_a_request_that_is_wrong_is_told(target):
    with pytest.raises(UserError, match="answered 424: .*"):
        target.predict(MODEL, {"dataframe_records": [{"carrier": "UA"}]})
    with pytest.raises(UserError, match="takes rows with named columns; send them"):
        target.predict(MODEL, {"inputs": 3})
    assert target.logs(MODEL)[-1] == "POST /score 500"
    assert target.logs(MODEL, lines=1) == target.logs(MODEL)[-1:]


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
    told = "User container has crashed .*; its log ends: .*; version 2 serves still"
    ask = asking(lambda: target.predict(MODEL, REQUEST))
    with ask as answers, pytest.raises(UserError, match=told) as caught:
        target.deploy(version("3"))
    assert "a_library_that_is_not_here" in str(caught.value)
    assert len(answers) == 1 and not next(iter(answers)).startswith("failed"), answers
    assert shares(here) == ({"version-2": 100}, ["version-2"])
    assert target.status(MODEL).healthy


def test_a_version_that_answers_otherwise_gets_no_traffic(target, here, version):
    here.endpoints.skewed.add("1")
    with pytest.raises(UserError, match="the model in process gives .*; version 2 serves still"):
        target.deploy(version("1"))
    assert shares(here) == ({"version-2": 100}, ["version-2"])


def test_without_quota_the_old_version_stays(target, here, version):
    here.endpoints.machines = 0
    with pytest.raises(UserError, match="Not enough quota .*; version 2 serves still"):
        target.deploy(version("1"))
    assert shares(here) == ({"version-2": 100}, ["version-2"])


def test_a_share_of_the_traffic_and_then_all(target, here, version):
    fifth = ManagedEndpointTarget.open(ManagedEndpointOptions(traffic=20))
    assert fifth.deploy(version("1")).change == "replaced"
    assert shares(here) == ({"version-1": 20, "version-2": 80}, ["version-1", "version-2"])
    assert target.status(MODEL).model.version == "2"
    assert fifth.deploy(version("1")).change == "unchanged"
    with asking(lambda: target.predict(MODEL, REQUEST)) as answers:
        target.deploy(version("1"))
    assert not [answer for answer in answers if answer.startswith("failed")]
    assert shares(here) == ({"version-1": 100}, ["version-1"])


def test_an_endpoint_of_something_else_is_left_alone(target, here, version):
    endpoint = here.endpoints.endpoints[MODEL]
    tags, endpoint.asked["tags"] = endpoint.asked["tags"], {"throughline.model": "other"}
    endpoint.asked["tags"]["throughline.version"] = "all"
    for act in (lambda: target.deploy(version("2")), lambda: target.delete(MODEL)):
        with pytest.raises(UserError, match="serves something else, other; give another name as"):
            act()
    endpoint.asked["tags"] = tags


def test_deleting_ends_the_endpoint(target, here):
    gone = target.delete(MODEL)
    assert gone.model.version == "1" and not gone.healthy
    assert not here.endpoints.endpoints
    assert target.delete(MODEL) is None and target.status(MODEL) is None
    with pytest.raises(UserError, match=f"There is no endpoint {MODEL}; deploy it first"):
        target.logs(MODEL)


def test_a_first_version_that_never_becomes_healthy_leaves_nothing(
    target, here, version, unchecked
):
    with pytest.raises(UserError, match="has crashed .*; nothing is deployed, as before"):
        target.deploy(version("3"))
    assert not here.endpoints.endpoints


def test_a_name_that_somebody_else_has_in_the_region(here, version):
    elsewhere = ManagedEndpointTarget.open(ManagedEndpointOptions(endpoint=TAKEN))
    with pytest.raises(UserError, match="already in use in the region .*; nothing is deployed"):
        elsewhere.deploy(version("1"))
    assert not here.endpoints.endpoints


def test_a_version_that_is_not_there(target, here):
    with pytest.raises(UserError, match="9"):
        target.deploy(ModelVersion(MODEL, "9", "", ""))
    assert not here.endpoints.endpoints


def test_only_models_of_a_registry_of_azure_are_served(here, monkeypatch):
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "mysql://me:pass@db/x")
    with pytest.raises(UserError, match=r"registry here is another \(mysql\); set MLFLOW"):
        ManagedEndpointTarget.open(ManagedEndpointOptions())


def test_nothing_secret_is_in_what_was_sent(here):
    sent = [r.body.decode("utf-8", "replace") for r in here.cloud.requests if "token" not in r.path]
    assert sent and not [body for body in sent if here.principal["AZURE_CLIENT_SECRET"] in body]
