"""steps/deploy.py as ``mlflow run`` starts it."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
KILLED = """
import os, runpy, signal, sys
from unittest import mock

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

moment, script = sys.argv[1:3]
sys.argv = sys.argv[2:]
with mock.patch(moment, killed):
    runpy.run_path(script, run_name="__main__")
"""
"""Runs a script, and is killed where it would call a function."""


@pytest.fixture(scope="module")
def step(environment, tmp_path_factory, free_port):
    """Runs the step, or another that deploys; what it deployed is stopped at the end."""
    from throughline.deployment.local import LocalTarget

    data = tmp_path_factory.mktemp("data")
    port = str(free_port())

    def run(*arguments, run_id=None, script="deploy", killed_at=None):
        killed = ["-c", KILLED, killed_at] if killed_at else []
        command = [sys.executable, *killed, f"steps/{script}.py", "--model", "late-test"]
        command += ["--port", port, "--data_root", str(data), *arguments]
        extra = {"MLFLOW_RUN_ID": run_id} if run_id else {}
        return subprocess.run(
            command, cwd=ROOT, env={**environment, **extra}, capture_output=True, text=True
        )

    run.port = port
    yield run
    LocalTarget(data / "deployments", int(port)).delete("late-test")


@pytest.fixture(scope="module")
def run_id(registry):
    """An open run, such as ``mlflow run`` makes."""
    from mlflow import MlflowClient

    return MlflowClient().create_run("1").info.run_id


def test_it_leaves_a_server_and_its_facts_in_the_run(step, run_id, tmp_path):
    from mlflow import MlflowClient

    ended = step(run_id=run_id)
    assert ended.returncode == 0, ended.stderr
    run = MlflowClient().get_run(run_id)
    assert run.info.status == "FINISHED"
    tags = {k.removeprefix("endpoint."): v for k, v in run.data.tags.items()}
    assert (tags["version"], tags["change"]) == ("1", "started")
    assert Path(tags["log"]).exists()
    assert run.data.metrics["server_startup_seconds"] > 0
    assert 0 < run.data.metrics["latency_p50_ms"] < 1000

    path = MlflowClient().download_artifacts(run_id, "endpoint.json", str(tmp_path))
    endpoint = json.loads(Path(path).read_text())
    assert requests.get(f"{endpoint['url']}/health", timeout=5).json()["pid"] == endpoint["pid"]
    assert ended.stdout.splitlines()[-1] == endpoint["curl"]
    answer = subprocess.run(shlex.split(endpoint["curl"]), capture_output=True, text=True)
    assert len(json.loads(answer.stdout)["predictions"]) == 2

    stopped = step("--action", "stop")
    assert f"stopped: models:/late-test/1 at {endpoint['url']}" in stopped.stdout
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{endpoint['url']}/health", timeout=5)


@pytest.fixture
def champions(step, registry):
    """Makes a model whose versions became the champion one after the other; its name."""
    from mlflow import MlflowClient

    from throughline.registry.champions import make_champion

    client, name = MlflowClient(), "champions"

    def make(count):
        client.create_registered_model(name)
        for number in range(1, count + 1):
            of = client.get_model_version("late-test", str(2 - number % 2))
            client.create_model_version(name, of.source, of.run_id, of.tags)
            make_champion(name, str(number))
        return name

    yield make
    step("--model", name, "--action", "stop")
    client.delete_registered_model(name)


def test_a_rollback_keeps_the_address(step, champions):
    name = champions(2)
    served = f"models:/{name}/{{}} is served at http://localhost:{step.port} ({{}})"
    first = step("--model", name, "--host", "localhost")
    assert served.format(2, "started") in first.stdout, first.stderr
    back = step("--model", name, script="rollback")
    assert served.format(1, "replaced") in back.stdout, back.stderr


@pytest.mark.parametrize(
    ("moment", "target"),
    [
        ("throughline.registry.roles._settle", "none"),  # the alias is given, the stage is not
        ("mlflow.set_tags", "none"),
        ("throughline.deployment.local._compare", "local"),  # the new server listens
    ],
)
def test_a_rollback_that_was_killed_does_not_go_back_twice(step, champions, moment, target):
    from mlflow import MlflowClient

    from throughline.registry.champions import resume_rollback, roll_back

    client, name = MlflowClient(), champions(3)
    client.set_model_version_tag(name, "2", "given_up", "once before")
    if target == "local":
        assert step("--model", name).returncode == 0
    words = ("--model", name, "--target", target)
    assert step(*words, script="rollback", killed_at=moment).returncode == -signal.SIGKILL
    again = step(*words, script="rollback")
    told = "version 2 is the champion again since an earlier rollback.\n"
    assert again.stdout.startswith(told), again.stderr
    assert (f"models:/{name}/2 is served at" in again.stdout) == (target == "local")
    stages = [client.get_model_version(name, version).current_stage for version in "123"]
    assert stages == ["Archived", "Production", "Archived"]
    champion = client.get_model_version_by_alias(name, "champion")
    assert (str(champion.version), "given_up" in champion.tags) == ("2", False)
    assert resume_rollback(name) == ""
    assert roll_back(name).champion == "1"


def test_a_rollback_that_deploy_finished_is_not_gone_on_with(step, champions):
    name = champions(3)
    killed = step(
        "--model", name, "--target", "none", script="rollback", killed_at="mlflow.set_tags"
    )
    assert killed.returncode == -signal.SIGKILL
    assert f"models:/{name}/2 is served at" in step("--model", name).stdout
    back = step("--model", name, "--target", "none", script="rollback")
    assert back.stdout == "version 1 is the champion again, 2 no longer.\n", back.stderr


def test_a_mistake_is_one_sentence_and_exit_code_2(step):
    ended = step("--target", "moon")
    assert ended.returncode == 2
    known = "local, docker, databricks, aci, aks, aml-batch, aml-endpoint, aml-local, iot-edge"
    assert ended.stderr == f"error: there is no target 'moon'; give -P target= one of {known}\n"


def test_help_is_cheap():
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "steps/deploy.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0 and "--data_root" in ended.stdout
    assert "mlflow" not in ended.stderr
