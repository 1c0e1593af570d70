"""steps/deploy.py with targets of Azure, as ``mlflow run`` starts it."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deployment.saved_model import MODEL

PROJECT = Path(__file__).parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def step(running, run, registry):
    """Runs the step on the registry of the other store."""

    def start(target, *more, options="none", **environment):
        command = [sys.executable, "steps/deploy.py", "--model", MODEL, "--target", target]
        command += ["--target_options", options, *more]
        names = {**running.names, "MLFLOW_TRACKING_URI": registry, **environment}
        return run(*command, **names)

    return start


def sentence(done):
    """The one sentence of a mistake."""
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("error: ")]
    assert "Traceback" not in done.stderr
    return line


def test_a_service_is_deployed_told_asked_shown_and_stopped(step, running, registry, tmp_path):
    import mlflow

    client = mlflow.MlflowClient(registry, registry)
    opened = client.create_run(client.get_experiment_by_name("test").experiment_id)
    done = step("aci", options="cpu=0.5,memory_gb=1", MLFLOW_RUN_ID=opened.info.run_id)
    assert done.returncode == 0, done.stderr
    (curl,) = [line for line in done.stdout.splitlines() if line.startswith("curl")]
    assert "/score -H " in curl and '-H "Authorization: Bearer $AZUREML_ENDPOINT_KEY"' in curl
    (service,) = running.services.services.values()
    kept = client.get_run(opened.info.run_id)
    assert kept.info.status == "FINISHED"
    assert kept.data.tags["endpoint.change"] == "started"
    assert kept.data.metrics["latency_p50_ms"] > 0

    key = {**running.network, "AZUREML_ENDPOINT_KEY": service.keys[0]}
    through = ["-x", running.cloud.url]
    asked = f"{curl} {shlex.join(through)}"
    answer = subprocess.run(["bash", "-c", asked], env=key, capture_output=True, text=True)
    assert len(json.loads(answer.stdout)["predictions"]) == 2

    assert "running: models:/late-test/1 at http" in step("aci", "--action", "status").stdout
    assert "POST /score 200" in step("aci", "--action", "logs").stdout
    assert "stopped: models:/late-test/1 at http" in step("aci", "--action", "stop").stdout
    assert "running: nothing" in step("aci", "--action", "status").stdout

    folder = client.download_artifacts(opened.info.run_id, "", str(tmp_path))
    files = [path.read_text() for path in Path(folder).rglob("*") if path.is_file()]
    recorded = "\n".join([str(kept.to_dictionary()), done.stdout, done.stderr, *files])
    for secret in (*service.keys, running.principal["AZURE_CLIENT_SECRET"]):
        assert secret not in recorded
    assert not [token for token in running.directory.tokens if token in recorded]


@pytest.mark.parametrize(
    ("target", "options", "environment", "told"),
    [
        ("aci", "cpus=2", {}, "The target aci: unknown key 'cpus'; did you mean 'cpu'?."),
        ("aks", "none", {}, "it needs compute; give it as -P target_options=compute=VALUE."),
        (
            "aml-batch",
            "priority=spot",
            {},
            "The target aml-batch: the option priority is 'spot': I",
        ),
        ("aml-batch", "nodes=0", {}, "The target aml-batch: the option nodes is '0': Input should"),
        ("aml-batch", "vmsize=x", {}, "unknown key 'vmsize'; did you mean 'vm_size'?."),
        ("aci", "none", {"AZUREML_ARM_WORKSPACE_NAME": ""}, "No Azure ML workspace is named"),
        ("aci", "none", {"AZUREML_ARM_WORKSPACE_NAME": "x"}, "Azure has no workspace x in the"),
        ("aci", "none", {"AZURE_CLIENT_SECRET": "wrong"}, "Azure refuses the secret in AZURE_CLI"),
        ("aml-endpoint", "none", {}, "A managed endpoint serves models of its workspace's own"),
        ("iot-edge", "image=x:1,devices=a", {}, "needs the package azure-iot-hub"),
        ("local", "cpu=1", {}, "The target local takes no options; leave target_options out."),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(step, target, options, environment, told):
    assert told in sentence(step(target, options=options, **environment))
