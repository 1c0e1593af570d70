"""The whole chain in Azure ML's store, as a user runs it: all steps, and runs below their runs."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import mlflow
import pandas as pd
import pytest

from tests.azureml.conftest import Run
from tests.conftest import WriteRecipe
from tests.emulators.azureml.tracking import MISSING
from tests.emulators.azureml.workspace import SECRET, Workspace
from tests.steps.conftest import free_port
from throughline.caching.cache import KEY
from throughline.deployment.versions import fetch, resolve
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.registry.roles import has_aliases, versions_by_role
from throughline.registry.stages import ALL, delete, move
from throughline.tracking import CANDIDATE, FIGURE, MODEL, PREPARED, children

pytestmark = pytest.mark.slow
STEPS = ["prep", "train", "tune", "distributed_train", "register", "deploy"]
SEARCH = {
    "family": "xgboost",
    "space": {"max_depth": {"choice": [2, 3]}},
    "parameters": {"n_estimators": 10},
    "max_evals": 2,
    "trials": "local",
}
MODELS = [
    {"family": "xgboost", "parameters": {"n_estimators": 20, "min_child_weight": 1}},
    {"family": "network", "parameters": {"hidden": [8]}},
]


@pytest.fixture(scope="module")
def command(running: Workspace, write_recipe: WriteRecipe, tmp_path_factory) -> list[str]:
    """The chain's command, as a user types it."""
    recipe = write_recipe("on-azure", models=MODELS, search=SEARCH)
    options = {"recipe": recipe, "data_root": tmp_path_factory.mktemp("data"), "workers": 1}
    options |= {"epochs": 1, "port": free_port()}
    given = [word for name, value in options.items() for word in ("-P", f"{name}={value}")]
    return ["mlflow", "run", ".", "--env-manager", "local", "--experiment-name", "chain", *given]


@pytest.fixture(scope="module")
def chain(running: Workspace, run: Run, command: list[str]) -> "Iterator[CompletedProcess[str]]":
    """The chain's first run, finished."""
    store = {"MLFLOW_TRACKING_URI": running.tracking.address}
    yield run(*command, **store)
    data_root = next(word for word in command if word.startswith("data_root="))
    stop = ("deploy", "-P", "action=stop", "-P", "model=on-azure", "-P", data_root)
    run("mlflow", "run", ".", "--env-manager", "local", "-e", *stop, **store)


@pytest.fixture
def main_run(here: Workspace, chain: "CompletedProcess[str]") -> mlflow.entities.Run:
    assert chain.returncode == 0, chain.stdout[-2000:] + chain.stderr[-4000:]
    *_, first = mlflow.search_runs(
        experiment_names=["chain"],
        filter_string="tags.`throughline.step` = 'main'",
        output_format="list",
    )
    return first


def test_every_step_is_a_run_below_that_of_the_chain(main_run) -> None:
    steps = children(main_run.info.run_id)
    assert [one.data.tags["throughline.step"] for one in steps] == STEPS
    assert {one.info.status for one in (main_run, *steps)} == {"FINISHED"}
    assert "champion" in steps[-2].data.tags[FIGURE]
    assert all(one.data.tags[KEY] for one in steps[:4])


def test_the_chain_says_where_to_look(here: Workspace, main_run, chain) -> None:
    page = f"https://ml.azure.com/runs/{main_run.info.run_id}?wsid={here.resources.scope}"
    assert f"runs:      {page}\n" in chain.stdout


def test_candidates_are_runs_below_their_steps(here: Workspace, main_run) -> None:
    _, train, tune, network, *_ = children(main_run.info.run_id)
    titles = [one.data.tags[CANDIDATE] for one in children(train.info.run_id)]
    assert titles == ["xgboost"]
    assert len(children(tune.info.run_id)) >= SEARCH["max_evals"]
    assert network.data.tags[CANDIDATE] == "network"
    found = network.data.tags
    assert (found["dataset.name"], found["dataset.source"]) == ("on-azure", found[PREPARED])


def test_a_candidates_model_is_a_folder_of_its_run(here: Workspace, main_run) -> None:
    _, train, *_ = children(main_run.info.run_id)
    (candidate,) = children(train.info.run_id)
    assert candidate.data.tags[MODEL] == f"{candidate.info.artifact_uri}/model"
    there = here.artifacts.of(candidate.info.run_id)
    assert {"model/MLmodel", "native/MLmodel", "onnx/MLmodel", "model_card.md"} <= set(there)


def test_the_champion_is_in_production(here: Workspace, main_run) -> None:
    assert not has_aliases()
    assert versions_by_role("on-azure") == {"champion": "1"}
    version = mlflow.MlflowClient().get_model_version("on-azure", "1")
    assert version.current_stage == "Production"
    run = mlflow.get_run(version.run_id)
    assert version.source == run.data.tags[MODEL]
    table = PreparedTable.open(run.data.tags[PREPARED])
    rows = conform(table.raw_rows("test", 20), table.plan.inputs)
    answer = mlflow.pyfunc.load_model("models:/on-azure/Production").predict(rows)
    assert isinstance(answer, pd.DataFrame) and answer["probability"].between(0, 1).all()


def test_the_registered_files_are_known_by_their_digest(
    here: Workspace, main_run, tmp_path: Path
) -> None:
    folder = Path(fetch(resolve("on-azure", "champion"), tmp_path / "model"))
    assert (folder / "MLmodel").exists()


def test_what_azure_ml_lacks_is_asked_and_not_used(here: Workspace, main_run) -> None:
    asked = [r for missing in MISSING for r in here.seen("POST", f".*/mlflow/{missing}")]
    places = {here.cloud.place(request).rpartition("/mlflow/")[2] for request in asked}
    assert places <= {"logged-models/search", "runs/log-inputs"}


def test_nothing_secret_was_sent_kept_or_printed(here: Workspace, main_run, chain) -> None:
    sent = [
        f"{here.cloud.place(r)} {dict(r.query)} {r.body!r}"
        for r in here.cloud.requests
        if not r.path.endswith("/oauth2/v2.0/token")
    ]
    kept = [repr(content) for content in here.artifacts.blobs.values()]
    kept += [
        repr(path.read_bytes())
        for path in here.folder.iterdir()
        if path.suffix != ".pem" and path.is_file()
    ]
    said = "\n".join([*sent, *kept, chain.stdout, chain.stderr])
    assert "on-azure" in said
    secrets = [SECRET, *here.directory.tokens]
    assert len(secrets) > 5
    assert not [secret for secret in secrets if secret in said]


def test_a_finished_step_is_taken_again(here: Workspace, main_run, run: Run, command) -> None:
    again = run(*command, MLFLOW_TRACKING_URI=here.tracking.address)
    assert again.returncode == 0, again.stdout[-2000:] + again.stderr[-4000:]
    lines = [line.split() for line in again.stdout.splitlines()]
    told = {line[0]: line[1] for line in lines if len(line) > 1 and line[0] in STEPS}
    assert told == {**dict.fromkeys(STEPS[:4], "cached"), **dict.fromkeys(STEPS[4:], "unchanged")}


def test_pruning_spares_what_the_registered_version_uses(
    here: Workspace, main_run, run: Run, command
) -> None:
    data_root = next(word for word in command if word.startswith("data_root="))
    prune = ("-e", "prune", "-P", data_root, "-P", "keep_days=0", "-P", "remove=yes")
    (version,) = mlflow.MlflowClient().search_model_versions("name = 'on-azure'")
    used = mlflow.get_run(version.run_id).data.tags[PREPARED]
    done = run(
        *("mlflow", "run", ".", "--env-manager", "local", "--experiment-name", "chain", *prune),
        MLFLOW_TRACKING_URI=here.tracking.address,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    removed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("run ")]
    assert removed and version.run_id not in removed
    for run_id in removed:
        assert mlflow.get_run(run_id).info.lifecycle_stage == "deleted"
    assert PreparedTable.open(used).raw_rows("test", 1) is not None


def test_a_model_is_deleted_version_by_version(here: Workspace, main_run) -> None:
    assert move("on-azure", "1", "archived") == "version 1 of on-azure is in Archived"
    assert delete("on-azure", ALL).startswith("on-azure and its 1 versions are deleted")
    assert not mlflow.MlflowClient().search_model_versions("name = 'on-azure'")
