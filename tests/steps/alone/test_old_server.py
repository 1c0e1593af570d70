"""Steps on an MLflow server from before version 3, which has no logged models."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest

from tests.conftest import WriteRecipe
from tests.emulators.old_server import old_server
from tests.emulators.server import Server
from tests.steps.conftest import PROJECT
from throughline.registry.roles import champion_of
from throughline.tracking import CANDIDATE, MODEL, children

pytestmark = pytest.mark.slow
Step = Callable[..., None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with old_server(tmp_path_factory.mktemp("old")) as made:
        yield made
        assert not made.unknown


@pytest.fixture(scope="module")
def step(server: Server) -> Step:
    """Runs a step's script in the old server's store."""
    store = {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_EXPERIMENT_NAME": "old"}

    def run(name: str, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, f"steps/{name}.py", *arguments],
            cwd=PROJECT,
            env={**os.environ, **store, "THROUGHLINE_SPARK_MEMORY": "1g"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-4000:]

    return run


@pytest.fixture(scope="module")
def trained(step: Step, write_recipe: WriteRecipe, tmp_path_factory) -> None:
    """prep, train and register have run."""
    models = [{"family": "xgboost", "parameters": {"n_estimators": 20, "min_child_weight": 1}}]
    recipe = str(write_recipe("old", models=models))
    step("prep", "--recipe", recipe, "--data_root", str(tmp_path_factory.mktemp("data")))
    step("train")
    step("register")


@pytest.fixture
def here(server: Server, trained: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The old server, to which this process tracks during a test."""
    before = mlflow.get_tracking_uri()
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.setenv(name, server.url)
    mlflow.set_tracking_uri(server.url)
    yield server
    mlflow.set_tracking_uri(before)


def test_models_are_artifacts_of_their_runs(here: Server) -> None:
    (train,) = mlflow.search_runs(
        experiment_names=["old"],
        filter_string="tags.`throughline.step` = 'train'",
        output_format="list",
    )
    (candidate,) = children(train.info.run_id)
    assert candidate.data.tags[CANDIDATE] == "xgboost"
    folder = Path(candidate.data.tags[MODEL])
    assert folder == Path(candidate.info.artifact_uri, "model")
    assert (folder / "MLmodel").exists()


def test_the_champion_is_registered_and_answers(here: Server) -> None:
    champion = champion_of("old")
    assert champion is not None and champion.version == "1"
    assert mlflow.pyfunc.load_model("models:/old@champion").metadata.signature is not None


def test_what_is_registered_is_not_registered_again(here: Server, step: Step) -> None:
    step("register")
    assert len(mlflow.MlflowClient().search_model_versions("name = 'old'")) == 1
