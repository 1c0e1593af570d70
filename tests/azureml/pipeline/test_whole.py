"""The whole chain as a pipeline: from what a user types to a registered model."""

import mlflow
import pandas as pd
import pytest

from tests.azureml.conftest import Run
from tests.azureml.pipeline.conftest import STEPS, TOKEN, Given
from tests.emulators.azureml.workspace import Workspace
from throughline.caching.cache import KEY
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.tracking import CANDIDATE, FIGURE, PREPARED, STEP

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def done(running: Workspace, run: Run, given: Given):
    """The finished command, and the run of the pipeline."""
    before = set(running.pipelines.runs)
    options = dict(zip(given.arguments[::2], given.arguments[1::2], strict=True))
    del options["--workers"]
    finished = run(
        *("mlflow", "run", ".", "--env-manager", "local", "-e", "aml_pipeline"),
        *(
            word
            for name, value in options.items()
            for word in ("-P", f"{name.lstrip('-')}={value}")
        ),
        *("-P", "experiment=whole", "-P", "workers=2"),
        **running.names,
        DATABRICKS_TOKEN=TOKEN,
        THROUGHLINE_POLL_SECONDS="1",
        MLFLOW_TRACKING_URI=f"sqlite:///{running.folder}/here.db",
    )
    logs = "\n".join(p.read_text()[-3000:] for p in running.pipelines.cluster.machine.glob("*.log"))
    assert finished.returncode == 0, finished.stderr[-3000:] + logs
    (number,) = set(running.pipelines.runs) - before
    return finished, running.pipelines.runs[number]


def runs_of(experiment: str) -> dict[str, mlflow.entities.Run]:
    """The steps' runs by the steps' names."""
    found = mlflow.search_runs(
        experiment_names=[experiment],
        filter_string=f"tags.`{STEP}` LIKE '%'",
        output_format="list",
    )
    return {one.data.tags[STEP]: one for one in found}


def test_the_steps_ran_in_order_in_the_runs_of_the_pipeline(here: Workspace, done) -> None:
    _, run = done
    assert run.status == "FINISHED"
    assert list(run.steps.values()) == STEPS
    steps = runs_of("whole")
    assert {one.info.run_id: name for name, one in steps.items()} == run.steps
    assert {one.info.status for one in steps.values()} == {"FINISHED"}
    assert {one.data.tags["mlflow.parentRunId"] for one in steps.values()} == {run.number}
    assert "champion" in steps["register"].data.tags[FIGURE]


def test_it_says_how_it_goes_and_where_to_look(here: Workspace, done) -> None:
    finished, run = done
    for step in STEPS:
        assert f"{step} is Running" in finished.stderr
        assert f"{step} is Completed" in finished.stderr
    for number, step in run.steps.items():
        assert f"{step:<17}  run {number}" in finished.stdout
    assert f"/runs/{run.number}" in finished.stdout.partition("pipeline: https://")[2]


def test_each_step_took_the_table_of_the_one_before(here: Workspace, done) -> None:
    steps = runs_of("whole")
    prepared = steps["prep"].data.tags[PREPARED]
    found = mlflow.search_runs(
        experiment_names=["whole"],
        filter_string=f"tags.`{CANDIDATE}` LIKE '%'",
        output_format="list",
    )
    assert {one.data.tags[CANDIDATE] for one in found} == {"xgboost", "tuned xgboost", "network"}
    assert {one.data.tags[PREPARED] for one in found} == {prepared}
    assert str(here.pipelines.cluster.machine) in prepared


def test_workers_log_to_the_run_of_the_step_and_keys_are_made(here: Workspace, done) -> None:
    steps = runs_of("whole")
    number = steps["distributed_train"].info.run_id
    assert "train_loss" in mlflow.get_run(number).data.metrics
    assert "worker 0 of 2" in here.pipelines.cluster.log(number).read_text()
    # not prep's: a table of this machine is none on DBFS, where a cluster looks for it
    keyed = {name for name, one in steps.items() if KEY in one.data.tags}
    assert keyed >= {"train", "tune", "distributed_train"}


def test_the_model_is_registered_in_the_workspace_and_answers(here: Workspace, done) -> None:
    version = mlflow.MlflowClient().get_model_version("on-azure", "1")
    assert version.current_stage == "Production"  # this registry has stages, and no aliases
    table = PreparedTable.open(runs_of("whole")["prep"].data.tags[PREPARED])
    rows = conform(table.raw_rows("test", 20), table.plan.inputs)
    answer = mlflow.pyfunc.load_model("models:/on-azure/1").predict(rows)
    assert isinstance(answer, pd.DataFrame) and answer["probability"].between(0, 1).all()


def test_no_token_was_printed_or_sent_on(here: Workspace, done) -> None:
    finished, _ = done
    logs = [path.read_text() for path in here.pipelines.cluster.machine.glob("*.log")]
    said = finished.stdout + finished.stderr + "".join(logs)
    assert not [token for token in here.directory.tokens if token in said]
    assert TOKEN not in said
    sent = [r for r in here.cloud.requests if TOKEN.encode() in r.body]
    assert {request.method for request in sent} <= {"PUT"}


def test_the_steps_called_nobody_but_azure_ml(here: Workspace, done) -> None:
    assert not here.cloud.unknown
