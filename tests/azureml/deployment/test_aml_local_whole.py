"""A container on this machine: the real SDK, a Docker engine, and a registry for the base image.

These take about five minutes, most of it the image's packages.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing

import docker
import pytest

from tests.azureml.deployment.conftest import REQUEST
from tests.deployment.saved_model import MODEL
from tests.docker.conftest import base, engine  # noqa: F401 (fixtures)
from tests.emulators.azureml.packages import Packages
from tests.emulators.azureml.registry import Registry
from tests.steps.conftest import free_port
from throughline.azureml.aml_local import SERVED, AmlLocalTarget
from throughline.deployment.smoke import smoke_check
from throughline.deployment.versions import fetch
from throughline.errors import UserError

ENGINE = "unix:///var/run/docker.sock"
"""The machine's own engine."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def packages(engine, base, reached, tmp_path_factory):  # noqa: F811
    """The packages of the workspace, whose images this machine's engine builds."""
    if shutil.which("docker-registry") is None:
        pytest.skip("NO TEST OF aml-local: there is no command docker-registry")
    folder = tmp_path_factory.mktemp("registry")
    (folder / "docker").mkdir()
    settings = {"DOCKER_CONFIG": str(folder / "docker")}
    settings |= {"DOCKER_HOST": engine.host or os.environ.get("DOCKER_HOST", ENGINE)}
    arguments = ["--build-arg", f"BASE_IMAGE={base}"]
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        if name in os.environ:
            arguments += ["--build-arg", f"{name}={os.environ[name]}"]
    registry = Registry(folder)

    def build(place, name):
        engine("build", "--network", "host", "-t", name, *arguments, str(place))
        secret = {"username": registry.user, "password": registry.password}
        with closing(docker.from_env()) as client:
            for told in client.images.push(name, auth_config=secret, stream=True, decode=True):
                if "error" in told:
                    raise RuntimeError(told["error"])
            client.images.remove(name)  # it is to be pulled

    with registry.serving(), pytest.MonkeyPatch.context() as patched:
        for name, value in settings.items():
            patched.setenv(name, value)
        made = Packages(
            reached.services, reached.artifacts, registry, build, folder / "environments"
        )
        reached.cloud.routes += made.routes()
        yield made


@pytest.fixture(scope="module")
def target(packages, workspace):
    made = AmlLocalTarget(workspace, docker.from_env(), free_port())
    yield made
    for container in containers(made):
        container.remove(force=True)


def containers(target):
    """The containers of the model's service."""
    return target.engine.containers.list(all=True, filters={"label": f"containerName={MODEL}"})


def version_served(target):
    return target.status(MODEL).model.version


def test_a_container_is_started_and_answers_as_the_model_does(target, packages, version, tmp_path):
    deployment = target.deploy(version("1"))
    assert deployment.change == "started" and deployment.healthy
    assert deployment.url == f"http://127.0.0.1:{target.port}"
    assert deployment.startup_seconds > 0
    check = smoke_check(fetch(version("1"), tmp_path / "model"))
    assert check.agrees(target.predict(MODEL, check.request))
    log = "\n".join(target.logs(MODEL, 1000))
    assert "200" in log and "NumPy" not in log
    found = target.status(MODEL)
    assert found.healthy and found.model == version("1") and found.scoring_path == "/score"
    with pytest.raises(UserError, match="400: These columns are missing: 'distance'"):
        target.predict(MODEL, {"dataframe_records": [{"carrier": "UA"}]})


def test_the_version_that_runs_is_left_alone(target, version):
    assert target.deploy(version("1")).change == "unchanged"


def test_a_new_version_takes_its_place(target, version):
    (before,) = target.predict(MODEL, REQUEST)
    assert target.deploy(version("2")).change == "replaced"
    (after,) = target.predict(MODEL, REQUEST)
    assert after["probability"] > before["probability"]
    assert version_served(target) == "2"


def test_a_version_that_does_not_come_up_is_undone(target, version, monkeypatch):
    monkeypatch.setattr("throughline.azureml.aml_local.smoke_check", lambda *_: None)
    told = "did not become healthy .*a_library_that_is_not_here.*; version 2 serves again"
    with pytest.raises(UserError, match=told):
        target.deploy(version("3"))
    assert version_served(target) == "2" and target.status(MODEL).healthy


def test_a_version_that_answers_otherwise_is_undone(target, version, tmp_path, monkeypatch):
    """As if the container answered like version 2."""
    other = smoke_check(fetch(version("2"), tmp_path / "model"))
    monkeypatch.setattr("throughline.azureml.aml_local.smoke_check", lambda *_: other)
    with pytest.raises(UserError, match="the model in process gives .*; version 2 serves again"):
        target.deploy(version("1"))
    assert version_served(target) == "2"


def test_where_the_port_is_taken_what_runs_is_left(target, version):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        elsewhere = AmlLocalTarget(target.workspace, docker.from_env(), taken.getsockname()[1])
        with pytest.raises(UserError, match="is in use by another program; give -P port="):
            elsewhere.deploy(version("1"))
    found = target.status(MODEL)
    assert found.healthy and found.url == f"http://127.0.0.1:{target.port}"


def test_without_a_recipe_for_the_image_what_runs_is_left(target, packages, version, monkeypatch):
    monkeypatch.setattr(packages, "_package", _out_of_room)
    with pytest.raises(UserError, match="The registry has no room.*; version 2 serves still"):
        target.deploy(version("1"))
    assert target.status(MODEL).healthy


def test_what_was_refused_does_not_go_on_though_the_old_one_cannot_come_back(
    target, packages, version, tmp_path, monkeypatch
):
    other = smoke_check(fetch(version("2"), tmp_path / "model"))
    first, asked_for = packages._package, []

    def once(asked):
        asked_for.append(asked)
        return first(asked) if len(asked_for) == 1 else _out_of_room()

    with monkeypatch.context() as patched:
        patched.setattr("throughline.azureml.aml_local.smoke_check", lambda *_: other)
        patched.setattr(packages, "_package", once)
        told = "nor did what was there before come back .*has no room"
        with pytest.raises(UserError, match=told):
            target.deploy(version("1"))
    assert target.status(MODEL) is None
    assert target.deploy(version("2")).healthy


def _out_of_room(*_):
    raise RuntimeError("The registry has no room.")


def test_one_that_was_stopped_is_told_and_started_again(target, version):
    """Though something else answers at its port meanwhile."""
    (container,) = containers(target)
    container.stop()
    with socket.create_server(("127.0.0.1", target.port)):
        assert not target.status(MODEL).healthy
        with pytest.raises(UserError, match="is in use by another program"):
            target.deploy(version("2"))
    assert target.deploy(version("2")).healthy


def test_no_password_is_in_a_container_or_its_log(target, packages, running):
    (container,) = containers(target)
    recorded = str(container.attrs) + container.logs().decode()
    secrets = packages.registry.password, running.principal["AZURE_CLIENT_SECRET"]
    assert SERVED in recorded
    assert not [one for one in (*secrets, *running.directory.tokens) if one in recorded]


def test_deleting_ends_the_container(target):
    gone = target.delete(MODEL)
    assert gone.model.version == "2" and not gone.healthy
    assert target.delete(MODEL) is None and target.status(MODEL) is None
    for ask in (target.logs, lambda name: target.predict(name, REQUEST)):
        with pytest.raises(UserError, match=f"No container serves {MODEL}; deploy it first"):
            ask(MODEL)


def test_a_first_version_that_does_not_come_up_leaves_nothing(target, version, monkeypatch):
    monkeypatch.setattr("throughline.azureml.aml_local.smoke_check", lambda *_: None)
    with pytest.raises(UserError, match="healthy .*; nothing is deployed, as before"):
        target.deploy(version("3"))
    assert not containers(target)


def test_by_the_step(target, run, running, registry):
    """As ``mlflow run`` starts it; the request that it prints is answered."""
    command = [sys.executable, "steps/deploy.py", "--model", MODEL, "--target", "aml-local"]
    command += ["--port", str(target.port), "--action"]
    names = {**running.names, "MLFLOW_TRACKING_URI": registry}
    names |= {name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}
    done = run(*command, "deploy", **names)
    assert done.returncode == 0, done.stderr
    (curl,) = [line for line in done.stdout.splitlines() if line.startswith("curl")]
    answer = subprocess.run(["bash", "-c", curl], capture_output=True, text=True)
    assert len(json.loads(answer.stdout)["predictions"]) == 2
    assert f"running: models:/late-test/1 at {target.status(MODEL).url}" in (
        run(*command, "status", **names).stdout
    )
    assert "200" in run(*command, "logs", **names).stdout
    assert "stopped: models:/late-test/1 at http" in run(*command, "stop", **names).stdout
    assert "running: nothing" in run(*command, "status", **names).stdout


def test_a_container_of_somebody_else_is_left_alone(target, version):
    (image, *_) = target.engine.images.list()
    labels = {"amlIsService": "True", "containerName": MODEL}
    other = target.engine.containers.create(image, ["sleep", "1000"], labels=labels)
    for act in (lambda: target.deploy(version("1")), lambda: target.delete(MODEL)):
        with pytest.raises(UserError, match="is nothing of this project; end it first with docker"):
            act()
    another = target.engine.containers.create(image, ["sleep", "1000"], labels=labels)
    with pytest.raises(UserError, match="has 2 containers, .* end them with docker rm -f"):
        target.status(MODEL)
    for one in (other, another):
        one.remove(force=True)
