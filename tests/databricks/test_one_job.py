"""The whole chain in one job: what ``mlflow run -b databricks`` of the variant does."""

import io
import tarfile
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.projects import utils

from tests.conftest import WriteRecipe
from tests.databricks.conftest import CLUSTER, DATA_ROOT, Run, text_of
from tests.emulators.databricks.identity import TOKEN
from tests.emulators.databricks.workspace import JOB_TOKEN, Workspace
from throughline.caching.cache import KEY, RECORD
from throughline.databricks.serving_target import DatabricksTarget
from throughline.deployment.smoke import as_request
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.tracking import CANDIDATE, FIGURE, PREPARED, children

pytestmark = pytest.mark.long
STEPS = ["prep", "train", "tune", "distributed_train", "register", "deploy"]
SEARCH = {
    "family": "xgboost",
    "space": {"max_depth": {"choice": [2, 3]}},
    "parameters": {"n_estimators": 10},
    "max_evals": 2,
}
MODELS = [
    {"family": "xgboost", "parameters": {"n_estimators": 20}},
    {"family": "network", "parameters": {"hidden": [8]}},
]


@pytest.fixture(scope="module")
def number(
    workspace: Workspace, run: Run, write_recipe: WriteRecipe, cluster_file: Path, tmp_path_factory
) -> int:
    """The job's number, once it has ended."""
    recipe = write_recipe("one-job", models=MODELS, search=SEARCH)
    variant = str(tmp_path_factory.mktemp("variant") / "databricks")
    packed = run(
        *("python", "-m", "throughline.packaging", "databricks", variant),
        *("--recipe", str(recipe)),
    )
    assert packed.returncode == 0, packed.stderr
    submitted = run(
        *("mlflow", "run", variant, "-b", "databricks", "-c", str(cluster_file), "-e", "main"),
        *("--experiment-name", "/Shared/one-job", "-P", "recipe=recipes/one-job.yaml"),
        *("-P", f"data_root={DATA_ROOT}", "-P", "workers=1", "-P", "epochs=1"),
    )
    assert submitted.returncode == 0, submitted.stderr[-3000:]
    number = max(workspace.jobs.runs)
    process = workspace.jobs.runs[number].process
    assert process is not None
    process.wait(600)  # the machine may be busy
    return number


@pytest.fixture
def main_run(here: Workspace, number: int) -> mlflow.entities.Run:
    assert here.jobs.runs[number].state()["result_state"] == "SUCCESS", here.jobs.log(number)
    (found,) = mlflow.search_runs(
        experiment_names=["/Shared/one-job"],
        filter_string="tags.`throughline.step` = 'main'",
        output_format="list",
    )
    return found


def test_every_step_runs_below_the_runs_of_the_job(main_run) -> None:
    assert main_run.info.status == "FINISHED"
    steps = children(main_run.info.run_id)
    assert [one.data.tags["throughline.step"] for one in steps] == STEPS
    assert {one.info.status for one in steps} == {"FINISHED"}
    assert "champion" in steps[-2].data.tags[FIGURE]


def test_the_keys_of_a_job_tell_the_clusters_packages(here: Workspace, main_run) -> None:
    _, train, *_ = children(main_run.info.run_id)
    record = mlflow.artifacts.load_dict(f"{train.info.artifact_uri}/{RECORD}")
    assert train.data.tags[KEY]
    assert record["parts"]["environment"]["runtime"] == "15.4"


def test_the_job_says_what_it_did(here: Workspace, number: int, main_run) -> None:
    printed = here.jobs.log(number)
    assert all(f"\n{step} " in printed for step in STEPS)
    served = f"{here.server.url}/serving-endpoints/one-job serves models:/one-job/1"
    assert f"endpoint:  {served}" in printed
    assert f"{here.server.url}/ml/experiments/{main_run.info.experiment_id}" in printed


def test_tables_are_below_the_data_root(here: Workspace, main_run) -> None:
    prep = children(main_run.info.run_id)[0]
    assert prep.data.tags[PREPARED].endswith(
        f"{here.jobs.machine}{DATA_ROOT}/prepared/one-job/{prep.info.run_id}"
    )


def test_the_registered_model_answers_here_and_at_the_endpoint(here: Workspace, main_run) -> None:
    version = mlflow.MlflowClient().get_model_version("one-job", "1")
    assert version.current_stage == "Production"  # this registry has stages, and no aliases
    table = PreparedTable.open(mlflow.get_run(version.run_id).data.tags[PREPARED])
    rows = conform(table.raw_rows("test", 20), table.plan.inputs)
    answer = mlflow.pyfunc.load_model("models:/one-job/1").predict(rows)
    assert isinstance(answer, pd.DataFrame) and answer["probability"].between(0, 1).all()
    served = DatabricksTarget.open().predict("one-job", as_request(rows))
    assert [row["probability"] for row in served] == pytest.approx(list(answer["probability"]))


def test_candidates_are_logged_as_anywhere(here: Workspace, main_run) -> None:
    found = mlflow.search_runs(
        [main_run.info.experiment_id], f"tags.`{CANDIDATE}` != ''", output_format="list"
    )
    titles = {one.data.tags[CANDIDATE] for one in found}
    assert titles == {"xgboost", "tuned xgboost", "network"}
    files = mlflow.artifacts.list_artifacts(run_id=found[0].info.run_id)
    assert {"model_card.md", "evaluation", "pictures"} <= {file.path for file in files}


def test_what_was_sent(here: Workspace, number: int, main_run) -> None:
    (upload,) = here.seen("POST", r"/dbfs/mlflow-experiments/.*\.tar\.gz")[:1]
    assert len(upload.body) < 1_000_000
    with tarfile.open(fileobj=io.BytesIO(upload.body)) as archive:
        tops = {Path(name).parts[1] for name in archive.getnames() if "/" in name}
    assert tops == {"MLproject", "steps", "throughline", "recipes"}
    job = here.jobs.runs[number].submitted
    assert CLUSTER.items() <= job["new_cluster"].items()
    leaked = set(job["new_cluster"]) - set(CLUSTER)  # by mlflow run itself
    assert leaked == {v for k, v in vars(utils).items() if k.startswith("PROJECT_")}


def test_no_token_was_sent_or_printed(here: Workspace, main_run) -> None:
    said = text_of(here)
    assert "MLFLOW_TRACKING_URI" in said
    assert TOKEN not in said and JOB_TOKEN not in said
