"""A pipeline that scores files: the real SDK, a workspace that runs what it is sent."""

import json
import sys

import pytest

from tests.azureml.deployment.conftest import REQUEST
from tests.deployment.saved_model import MODEL
from throughline.azureml import batch_job
from throughline.azureml.aml_batch import AmlBatchOptions, AmlBatchTarget
from throughline.azureml.batch_scoring import predictions_in
from throughline.azureml.entry_script import FOLDER
from throughline.azureml.pipeline_run import WatchedRun
from throughline.deployment.smoke import SmokeCheck, smoke_check
from throughline.deployment.versions import fetch
from throughline.errors import UserError

pytestmark = pytest.mark.slow

ENDPOINT = f"{MODEL}-batch"
ROWS = [{"carrier": "UA", "distance": 1400}, {"carrier": "AA", "distance": 200}]
CLUSTER = r".*/computes/([\w-]+)"


@pytest.fixture(scope="module")
def made(workspace, version):
    """The target, once version 1 was deployed, and what it said."""
    target = AmlBatchTarget(workspace, AmlBatchOptions(nodes=2), 0.2)
    return target, target.deploy(version("1"))


@pytest.fixture
def target(made, here):
    yield made[0]
    here.computes.refuses, here.computes.fails = None, ""
    here.pipelines.starts = True


@pytest.fixture
def checked(monkeypatch):
    """What a version is compared with, whatever it answers here, or though it cannot be loaded."""

    def fix(predictions):
        check = SmokeCheck(REQUEST, predictions)
        monkeypatch.setattr("throughline.azureml.aml_batch.smoke_check", lambda *_: check)

    return fix


def asked(here):
    """What created or changed a cluster, a published pipeline or an endpoint."""
    routes = ("/computes/", "/Pipelines/", "/PipelineEndpoints/")
    found = [r for r in here.cloud.requests if any(part in r.path for part in routes)]
    return [(r.method, r.path) for r in found if r.method != "GET"]


def endpoints(here):
    return [one for one in here.published.endpoints.values() if one["EntityStatus"] == "Active"]


def served(target):
    return target.status(MODEL).model.version


def test_a_pipeline_is_published_and_predicts_as_the_model_does(made, here, version, tmp_path):
    target, deployment = made
    assert deployment.change == "started" and deployment.healthy
    assert deployment.startup_seconds > 0 and deployment.scoring_path == ""
    (endpoint,) = endpoints(here)
    assert (endpoint["Name"], endpoint["Url"]) == (ENDPOINT, deployment.url)
    check = smoke_check(fetch(version("1"), tmp_path / "model"))
    assert check.agrees(target.predict(MODEL, check.request))


def test_the_cluster_has_no_machine_while_nothing_runs(made, here):
    (request,) = here.seen("PUT", CLUSTER)
    assert request.json["properties"]["properties"] == {
        "vmSize": "Standard_DS3_v2",
        "vmPriority": "dedicated",
        "scaleSettings": {
            "minNodeCount": 0,
            "maxNodeCount": 2,
            "nodeIdleTimeBeforeScaleDown": "PT300S",
        },
        "remoteLoginPortPublicAccess": "NotSpecified",
    }


def test_what_is_right_is_left_alone(target, here, version):
    before, runs = asked(here), len(here.pipelines.runs)
    assert target.deploy(version("1")).change == "unchanged"
    assert target.status(MODEL).model == version("1")
    assert (asked(here), len(here.pipelines.runs)) == (before, runs)


def test_a_request_that_is_wrong_is_told_by_the_log(target):
    told = r"The step score failed; .*request.json is refused \(400\): These columns are missing:"
    with pytest.raises(UserError, match=told) as caught:
        target.predict(MODEL, {"dataframe_records": [{"carrier": "UA"}]})
    assert "\n" not in str(caught.value)
    assert "These columns are missing: 'distance'" in target.logs(MODEL)[-1]
    assert target.logs(MODEL, lines=1) == target.logs(MODEL)[-1:]


def test_others_run_it_on_their_files(target, workspace, tmp_path):
    import pandas as pd
    from azureml.core import Dataset
    from azureml.pipeline.core import PipelineEndpoint

    rows = pd.DataFrame(ROWS)
    rows.to_csv(tmp_path / "a.csv", index=False)
    rows.to_parquet(tmp_path / "b.parquet")
    rows.to_json(tmp_path / "c.jsonl", orient="records", lines=True)
    store = workspace.get_default_datastore()
    store.upload(str(tmp_path), "flights/today", show_progress=False)
    files = Dataset.File.from_files((store, "flights/today"), validate=False)
    run = PipelineEndpoint.get(workspace, name=ENDPOINT).submit("others", {"input": files})
    WatchedRun(run, 0.2).wait()
    (step,) = run.find_step_run(batch_job.STEP)
    step.get_output_data(batch_job.OUTPUT).download(str(tmp_path), show_progress=False)
    (output,) = tmp_path.rglob(batch_job.FILE)
    told = predictions_in(output.read_text().splitlines())
    assert [one["file"].rpartition("/")[2] for one in told] == ["a.csv", "b.parquet", "c.jsonl"]
    wanted = target.predict(MODEL, {"dataframe_records": ROWS})
    assert len(wanted) == 2 and [one["predictions"] for one in told] == [wanted] * 3


def test_a_new_version_is_the_default_and_the_old_one_stays(target, here, version, tmp_path):
    check = smoke_check(fetch(version("2"), tmp_path / "model"))
    assert not check.agrees(target.predict(MODEL, check.request))
    deployment = target.deploy(version("2"))
    assert deployment.change == "replaced" and served(target) == "2"
    assert check.agrees(target.predict(MODEL, check.request))
    (endpoint,) = endpoints(here)
    assert [one["Version"] for one in endpoint["PipelineVersionList"]] == ["0", "1"]
    assert endpoint["DefaultVersion"] == "1"
    assert len(here.seen("PUT", CLUSTER)) == 1, "the cluster is made once"


def test_a_script_that_fails_leaves_what_was_there(target, here, version, checked):
    checked([0.0])
    before = asked(here)
    with pytest.raises(UserError, match="The step score failed; .*; its log ends: ") as caught:
        target.deploy(version("3"))
    sentence = str(caught.value)
    assert "a_library_that_is_not_here" in sentence and "\n" not in sentence
    assert sentence.endswith("; version 2 stays deployed.")
    assert served(target) == "2" and asked(here) == before
    assert not [one for one in sys.path if one.endswith(FOLDER)], "the step's folder is off it"
    assert "a_library_that_is_not_here" in "\n".join(target.logs(MODEL))


def test_a_version_that_answers_otherwise_is_not_published(target, here, version, checked):
    checked([12345.0])
    before = asked(here)
    with pytest.raises(UserError, match="the model in process gives .*; version 2 stays deployed"):
        target.deploy(version("1"))
    assert served(target) == "2" and asked(here) == before


def test_an_endpoint_that_is_refused_leaves_what_was_there(target, here, version):
    here.published.refuses = "Forbidden", "You may not change endpoints."
    try:
        with pytest.raises(UserError, match="You may not change endpoints.*; version 2 stays"):
            target.deploy(version("1"))
    finally:
        here.published.refuses = None
    assert served(target) == "2"
    states = [one["EntityStatus"] for one in here.published.pipelines.values()]
    assert states == ["Active", "Active", "Disabled"]


def test_a_run_that_takes_too_long_is_cancelled(target, here, workspace):
    hurried = AmlBatchTarget(workspace, AmlBatchOptions(limit_minutes=0.01), 0.05)
    here.pipelines.starts = False
    with pytest.raises(UserError, match="was not done within 0.01 minutes, and is cancelled; see"):
        hurried.predict(MODEL, REQUEST)
    *_, run = here.pipelines.runs.values()
    assert run.status == "KILLED"


def test_an_endpoint_of_something_else_is_left_alone(target, here, version):
    (endpoint,) = endpoints(here)
    number = endpoint["PipelineVersionList"][-1]["PipelineId"]
    published = here.published.pipelines[number]
    told, published["Description"] = published["Description"], "of another team"
    for act in (lambda: target.deploy(version("1")), lambda: target.delete(MODEL)):
        with pytest.raises(UserError, match="runs something else, nothing of this project; archi"):
            act()
    published["Description"] = told


def test_what_is_sent_holds_no_secret(target, here):
    sent = [here.graphs.modules, here.graphs.sent, here.published.pipelines]
    sent += [here.datastores.datasets, here.published.endpoints]
    files = [text for one in here.pipelines.snapshots.files for text in _content(here, one)]
    logs = [str(content) for content in here.artifacts.blobs.values()]
    told = "\n".join([json.dumps(sent), *files, *logs])
    secrets = {here.principal["AZURE_CLIENT_SECRET"], here.artifacts.signature}
    assert not [one for one in (*secrets, *here.directory.tokens) if one in told]


def test_deleting_archives_the_endpoint_and_leaves_the_cluster(target, here):
    gone = target.delete(MODEL)
    assert gone.model.version == "2" and not gone.healthy
    assert not endpoints(here)
    assert {one["EntityStatus"] for one in here.published.pipelines.values()} == {"Disabled"}
    assert "batch-dedicated" in here.computes.attached
    assert target.delete(MODEL) is None and target.status(MODEL) is None
    with pytest.raises(UserError, match=f"no pipeline endpoint {ENDPOINT}; deploy {MODEL} first"):
        target.predict(MODEL, REQUEST)
    target.logs(MODEL)  # the runs stay
    with pytest.raises(UserError, match="No pipeline has scored rows with other; deploy it first"):
        target.logs("other")


def test_a_first_version_that_fails_makes_no_endpoint(target, here, version, checked):
    checked([0.0])
    with pytest.raises(UserError, match="its log ends: .*; nothing is deployed, as before"):
        target.deploy(version("3"))
    assert not endpoints(here)


def test_a_cluster_that_is_there_is_used(target, here, workspace, version):
    options = AmlBatchOptions(compute="machines", nodes=2)
    before = len(here.seen("PUT", CLUSTER))
    theirs = AmlBatchTarget(workspace, options, 0.2)
    assert theirs.deploy(version("1")).change == "started"
    *_, module = here.graphs.modules.values()
    *_, graph = here.graphs.sent.values()
    said = {p["Name"]: p.get("Value") for p in graph["ModuleNodes"][0]["ModuleParameters"]}
    assert module["StepType"] == "ParallelRunStep" and said["Target"] == "machines"
    assert len(here.seen("PUT", CLUSTER)) == before
    theirs.delete(MODEL)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"compute": "x"}, "'x' is no name for a compute; give 3 to 16 letters"),
        ({"compute": "cluster"}, "The compute cluster is no cluster of Azure ML but AKS; give an"),
        ({"compute": "machines", "priority": "dedicated"}, "is there with priority=lowpriority; l"),
        ({"compute": "machines", "vm_size": "Standard_D2"}, "is there with vm_size=standard_ds3_v"),
        ({"compute": "machines", "nodes": 5}, "The cluster machines has 2 nodes at most; raise th"),
    ],
)
def test_a_cluster_that_is_another_one_is_told(target, here, workspace, version, options, told):
    before = asked(here)
    with pytest.raises(UserError, match=told):
        AmlBatchTarget(workspace, AmlBatchOptions(**options), 0.2).deploy(version("1"))
    assert asked(here) == before


def test_where_the_quota_is_used_up_nothing_is_left(target, here, workspace, version):
    cheap = AmlBatchTarget(workspace, AmlBatchOptions(priority="lowpriority"), 0.2)
    here.computes.refuses = "QuotaExceeded", "The low priority cores are used up."
    with pytest.raises(UserError, match="refuses to make the cluster batch-low: The low prio.*quo"):
        cheap.deploy(version("1"))
    here.computes.refuses, here.computes.fails = None, "There are no such machines."
    with pytest.raises(UserError, match="There are no such machines"):
        cheap.deploy(version("1"))
    assert "batch-low" not in here.computes.attached and not endpoints(here)


def test_a_model_that_cannot_be_loaded_here_is_not_sent(target, here, version):
    before = len(here.cloud.requests)
    with pytest.raises(UserError, match="a_library_that_is_not_here"):
        target.deploy(version("3"))
    assert all(r.method == "GET" for r in here.cloud.requests[before:])


def test_a_model_without_an_input_example_is_not_sent(target, here, version, monkeypatch):
    monkeypatch.setattr("throughline.azureml.aml_batch.smoke_check", lambda *_: None)
    with pytest.raises(UserError, match="has no input example, which a pipeline is tried with"):
        target.deploy(version("1"))
    assert not endpoints(here)


def _content(here, snapshot):
    return [
        one.decode(errors="replace") for one in here.pipelines.snapshots.content(snapshot).values()
    ]
