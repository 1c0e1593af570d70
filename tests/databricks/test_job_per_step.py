"""``main -P backend=databricks``: it stays here, and each step is a job."""

from pathlib import Path

import mlflow
import pytest

from tests.conftest import WriteRecipe
from tests.databricks.conftest import CLUSTER, DATA_ROOT, Run, text_of
from tests.emulators.databricks.identity import TOKEN
from tests.emulators.databricks.workspace import JOB_TOKEN, Workspace
from throughline.tracking import children

pytestmark = pytest.mark.slow
STEPS = ["prep", "train", "register"]


@pytest.fixture(scope="module")
def chain(workspace: Workspace, run: Run, write_recipe: WriteRecipe, cluster_file: Path):
    """The chain of a recipe without a search or a network; no candidate reaches the bar."""
    recipe = write_recipe("per-step", promote={"at_least": {"roc_auc": 2.0}})
    before = len(workspace.server.requests)
    done = run(
        *("mlflow", "run", ".", "--env-manager", "local", "--experiment-name", "/Shared/per-step"),
        *("-P", f"recipe={recipe}", "-P", f"data_root={DATA_ROOT}"),
        *("-P", "backend=databricks", "-P", f"backend_config={cluster_file}"),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done, workspace.server.requests[before:]


def test_every_step_is_a_job_and_a_run_below_main(here: Workspace, chain) -> None:
    (main,) = mlflow.search_runs(
        experiment_names=["/Shared/per-step"],
        filter_string="tags.`throughline.step` = 'main'",
        output_format="list",
    )
    steps = children(main.info.run_id)
    assert [run.data.tags["throughline.step"] for run in steps] == STEPS
    assert {run.info.status for run in (main, *steps)} == {"FINISHED"}
    assert {run.data.tags["mlflow.project.backend"] for run in steps} == {"databricks"}
    assert mlflow.MlflowClient().get_model_version("per-step", "1").current_stage == "Staging"


def test_it_shows_the_states_and_the_pages_of_the_jobs(here: Workspace, chain) -> None:
    done, _ = chain
    for step in STEPS:
        assert f"{step}: job run " in done.stderr
    assert f" at {here.server.url}/#job/" in done.stderr
    for state in ("PENDING (Waiting for cluster)", "RUNNING (In run)", "TERMINATED SUCCESS"):
        assert f"is {state}\n" in done.stderr
    assert f"{here.server.url}/ml/experiments/" in done.stdout
    assert "no candidate may be champion yet" in done.stdout


def test_the_code_is_uploaded_once_and_the_cluster_is_the_files(here: Workspace, chain) -> None:
    _, requests = chain
    uploads = [r for r in requests if r.method == "POST" and r.path.endswith(".tar.gz")]
    assert len(uploads) == 1 and len(uploads[0].body) < 1_000_000
    jobs = [r.json for r in requests if r.path == "/api/2.0/jobs/runs/submit"]
    assert [job["run_name"] for job in jobs] == [f"MLflow Run for {step}" for step in STEPS]
    assert all(job["new_cluster"] == CLUSTER for job in jobs)


def test_no_step_is_taken_from_before_by_data_that_only_the_cluster_sees(chain) -> None:
    done, _ = chain
    assert done.stdout.count("its data cannot be seen from here") == 2  # prep and train


def test_no_token_was_sent_or_printed(here: Workspace, chain) -> None:
    done, _ = chain
    said = text_of(here) + done.stdout + done.stderr
    assert TOKEN not in said and JOB_TOKEN not in said
