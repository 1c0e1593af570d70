import json
import logging
import subprocess
import sys
import time

import mlflow
import pytest
from databricks.sdk.errors import NotFound

from tests.databricks.specs.bundle import JOB, ROOT, job
from tests.sleeping import instead_of_sleeping
from throughline.chain.in_process import InProcessBackend
from throughline.databricks.serving_endpoint import Version, endpoint_name
from throughline.databricks.serving_target import DatabricksTarget
from throughline.errors import UserError

MODEL = "late-test"
REQUEST = {"dataframe_records": [{"carrier": "UA", "distance": 1400}]}


def changes(workspace):
    """How often an endpoint was created, changed or deleted."""
    found = [r for r in workspace.server.requests if "/serving-endpoints" in r.path]
    return [r.method for r in found if r.method != "GET" and "invocations" not in r.path]


def served(serving):
    (entity,) = serving.endpoints[MODEL].config["served_entities"]
    return entity["entity_version"]


def test_an_endpoint_is_made_and_answers_as_the_model_does(target, serving, version, caplog):
    with caplog.at_level(logging.INFO, "throughline"):
        made = target.deploy(version("1"))
    assert made.change == "started" and made.healthy and made.startup_seconds > 0
    assert made.url == f"{target.host}/serving-endpoints/{MODEL}"
    assert served(serving) == "1"
    assert "DEPLOYMENT_CREATING, Creating the image" in caplog.text
    assert target.predict(MODEL, REQUEST)[0]["prediction"] in (0, 1)
    assert target.status(MODEL).model.version == "1"
    assert target.logs(MODEL)[-1] == "POST /invocations"
    assert target.logs(MODEL, lines=1) == target.logs(MODEL)[-1:]


def test_what_is_right_is_left_alone(target, registered, version):
    target.deploy(version("1"))
    before = changes(registered)
    assert target.deploy(version("1")).change == "unchanged"
    assert changes(registered) == before


def test_a_new_version_takes_the_place_of_the_old_one_and_keeps_its_size(target, serving, version):
    target.deploy(version("1"))
    serving.endpoints[MODEL].config["served_entities"][0]["workload_size"] = "Large"
    before = target.predict(MODEL, REQUEST)
    made = target.deploy(version("2"))
    assert made.change == "replaced" and served(serving) == "2"
    assert target.predict(MODEL, REQUEST) != before
    (entity,) = serving.endpoints[MODEL].config["served_entities"]
    assert entity["workload_size"] == "Large"


def test_a_version_that_does_not_come_up_leaves_the_old_one(target, serving, version, monkeypatch):
    target.deploy(version("1"))
    monkeypatch.setattr("throughline.databricks.serving_target.smoke_check", lambda *_: None)
    told = "could not serve version 3 .*; version 1 serves still"
    with pytest.raises(UserError, match=told) as c:
        target.deploy(version("3"))
    assert "The model could not be loaded" in str(c.value)
    assert "its build ended with" in str(c.value) and "a_library_that_is_not_here" in str(c.value)
    assert served(serving) == "1" and target.status(MODEL).healthy
    assert target.deploy(version("1")).change == "unchanged"
    assert target.deploy(version("2")).change == "replaced"


def test_a_first_version_that_does_not_come_up_leaves_nothing(
    target, serving, version, monkeypatch
):
    monkeypatch.setattr("throughline.databricks.serving_target.smoke_check", lambda *_: None)
    with pytest.raises(UserError, match="was deleted, since nothing was served before"):
        target.deploy(version("3"))
    assert MODEL not in serving.endpoints
    assert target.status(MODEL) is None and target.delete(MODEL) is None


def test_an_endpoint_that_somebody_made_meanwhile_stays(target, serving, version, monkeypatch):
    target.deploy(version("1"))
    monkeypatch.setattr(target, "_find", lambda model: None)
    with pytest.raises(UserError, match="already exists"):
        target.deploy(version("2"))
    assert served(serving) == "1"


def test_a_model_that_cannot_be_loaded_here_is_not_sent(target, serving, version):
    with pytest.raises(UserError, match="a_library_that_is_not_here"):
        target.deploy(version("3"))
    assert MODEL not in serving.endpoints


def test_a_version_that_answers_otherwise_is_undone(target, serving, version):
    serving.skewed.add("2")
    target.deploy(version("1"))
    with pytest.raises(UserError, match="the model in process gives .*version 1 serves again"):
        target.deploy(version("2"))
    assert served(serving) == "1"
    del serving.endpoints[MODEL]
    with pytest.raises(UserError, match="the endpoint was deleted"):
        target.deploy(version("2"))
    assert MODEL not in serving.endpoints


def test_a_change_that_takes_too_long_is_told(target, serving, version):
    target.deploy(version("1"))
    serving.polls = None
    target.limit_seconds = 0.1
    sentence = "did not change to version 2 within .*; version 1 answers until the workspace ends"
    with pytest.raises(UserError, match=sentence):
        target.deploy(version("2"))
    assert served(serving) == "1"


def test_a_change_to_another_version_is_waited_for_by_the_user(target, serving, version):
    target.deploy(version("1"))
    serving.polls = 9
    target._change(Version(MODEL, "2"), target._find(MODEL))
    with pytest.raises(UserError, match="is being changed to version 2; deploy again when"):
        target.deploy(version("1"))


def test_a_change_that_is_under_way_is_taken_up(target, serving, version, registered):
    target.deploy(version("1"))
    serving.polls = 9
    target._change(Version(MODEL, "2"), target._find(MODEL))
    before = changes(registered)
    assert target.deploy(version("2")).change == "replaced"
    assert changes(registered) == before


def test_a_stop_by_the_user_leaves_the_change_to_the_workspace(
    target, serving, version, monkeypatch, caplog
):
    def stopped():
        raise KeyboardInterrupt

    serving.polls = 9
    with monkeypatch.context() as patched:
        patched.setattr(time, "sleep", instead_of_sleeping(stopped))
        with pytest.raises(KeyboardInterrupt):
            target.deploy(version("1"))
    assert "deploy again to wait for it" in caplog.text
    assert serving.endpoints[MODEL].update == "IN_PROGRESS"
    assert target.deploy(version("1")).change == "started"


def test_deleting_ends_the_endpoint(target, serving, version):
    target.deploy(version("1"))
    gone = target.delete(MODEL)
    assert gone.model.version == "1" and not gone.healthy
    assert MODEL not in serving.endpoints and target.delete(MODEL) is None
    with pytest.raises(UserError, match="There is no endpoint of late-test in .*; deploy it first"):
        target.logs(MODEL)


def test_an_endpoint_of_another_model_is_left_alone(target, serving, version):
    target.deploy(version("1"))
    serving.endpoints[MODEL].config["served_entities"][0]["entity_name"] = "other"
    for act in (lambda: target.deploy(version("2")), lambda: target.delete(MODEL)):
        with pytest.raises(UserError, match="serves something else, other; delete it, or give"):
            act()
    assert serving.endpoints[MODEL].config


def test_traffic_that_is_split_is_left_alone(target, serving, version):
    target.deploy(version("1"))
    serving.endpoints[MODEL].config["served_entities"] *= 2
    with pytest.raises(UserError, match="splits its traffic among several versions; end that at"):
        target.deploy(version("2"))


def test_a_request_that_is_refused_is_told(target, version):
    target.deploy(version("1"))
    with pytest.raises(UserError, match="answers: "):
        target.predict(MODEL, {"dataframe_records": [{"carrier": "UA"}]})
    with pytest.raises(UserError, match="Endpoint none does not exist"):
        target.predict("none", REQUEST)


def test_only_models_of_a_registry_of_databricks_are_served(target, version, monkeypatch):
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///x.db")
    with pytest.raises(UserError, match="the registry here is sqlite:///x.db; set MLFLOW_REGISTRY"):
        target.deploy(version("1"))


def test_a_password_of_another_registry_is_not_shown(target, version, monkeypatch):
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "https://ada:hunter2@registry.example.com")
    with pytest.raises(UserError, match="the registry here is https://registry.example") as told:
        target.deploy(version("1"))
    assert "hunter2" not in str(told.value)


def test_what_cannot_be_undone_does_not_hide_why_it_should_be(
    target, serving, version, monkeypatch
):
    serving.skewed.add("2")
    target.deploy(version("1"))

    def refuse(wanted, old):
        raise NotFound("version 1 is gone")

    monkeypatch.setattr(target, "_undo", refuse)
    told = "the model in process gives .*; nor did what was there before come back .version 1 is"
    with pytest.raises(UserError, match=told):
        target.deploy(version("2"))


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABRICKS_TOKEN", "wrong", r"does not allow it \(Invalid access token\)"),
        ("DATABRICKS_HOST", "http://127.0.0.1:9", "does not answer; check DATABRICKS_HOST"),
        ("DATABRICKS_TOKEN", "", "No Databricks workspace is configured"),
    ],
)
def test_a_workspace_that_cannot_be_reached_is_told_soon(
    serving, monkeypatch, tmp_path, name, value, sentence
):
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none.cfg"))
    started = time.monotonic()
    with pytest.raises(UserError, match=sentence):
        DatabricksTarget.open()
    assert time.monotonic() - started < 30


def test_names_of_models_become_names_of_endpoints():
    assert endpoint_name("main.default.late_test") == "main-default-late_test"
    assert len(endpoint_name("x" * 100)) == 63


@pytest.mark.slow
def test_the_task_of_the_job_deploys_and_the_step_tells_and_stops(
    serving, registered, environment, tmp_path, capsys
):
    spec = job(file_path=str(ROOT), model=MODEL)
    (task,) = [task for task in spec["tasks"] if task["task_key"] == "deploy"]
    script = JOB.parent / task["spark_python_task"]["python_file"]
    serving.polls = 1  # done at the first look: the step waits ten seconds for a second
    cluster = spec["job_clusters"][0]["new_cluster"]
    machine = registered.jobs.environment | cluster["spark_env_vars"]
    machine["MLFLOW_TRACKING_URI"] = "databricks"
    del machine["DATABRICKS_RUNTIME_VERSION"]  # else MLflow wants the session that a cluster has
    done = subprocess.run(
        [sys.executable, script, *task["spark_python_task"]["parameters"]],
        cwd=tmp_path,
        env=machine,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert served(serving) == "1"
    assert f"models:/{MODEL}/1 is served at {registered.server.url}" in done.stdout
    (curl,) = [line for line in done.stdout.splitlines() if line.startswith("curl")]
    assert '-H "Authorization: Bearer $DATABRICKS_TOKEN"' in curl
    answer = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, env=environment)
    assert len(json.loads(answer.stdout)["predictions"]) == 2

    def step(action):
        parameters = {"model": MODEL, "target": "databricks", "action": action}
        with mlflow.start_run():
            InProcessBackend().run("deploy", parameters)
        return capsys.readouterr().out

    assert f"running: models:/{MODEL}/1 at" in step("status")
    assert f"stopped: models:/{MODEL}/1 at" in step("stop")
    assert MODEL not in serving.endpoints
    assert "running: nothing" in step("status")
