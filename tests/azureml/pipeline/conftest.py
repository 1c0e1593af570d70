"""A user of the workspace who runs ``aml_pipeline``, in this process or in one of their own."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.azureml.conftest import PROJECT
from tests.conftest import WriteRecipe
from tests.emulators.azureml.workspace import Workspace

TOKEN = "dapi-of-the-databricks-workspace"  # noqa: S105 (of no real service)
DATABRICKS = "adb-of-the-tests"
DATA_ROOT = "/Volumes/main/ml/throughline"
CLUSTER = {
    "spark_version": "15.4.x-cpu-ml-scala2.12",
    "node_type_id": "Standard_D4ds_v5",
    "num_workers": 2,
    "spark_env_vars": {"MLFLOW_REGISTRY_URI": "databricks", "THROUGHLINE_SPARK_MEMORY": "1g"},
}
"""Its registry is not the one that the steps of a pipeline take."""
MODELS = [
    {"family": "xgboost", "parameters": {"n_estimators": 20}},
    {"family": "network", "parameters": {"hidden": [8]}},
]
SEARCH = {
    "family": "xgboost",
    "space": {"max_depth": {"choice": [2, 3]}},
    "parameters": {"n_estimators": 10},
    "max_evals": 2,
}
STEPS = ["prep", "train", "tune", "distributed_train", "register"]

Main = Callable[..., None]


@dataclass(frozen=True)
class Given:
    """What a user has: a recipe, and a cluster file."""

    recipe: Path
    cluster: Path

    @property
    def arguments(self) -> list[str]:
        """The arguments of the script, but for what it does."""
        options = {"recipe": self.recipe, "cluster": self.cluster, "data_root": DATA_ROOT}
        options |= {"databricks_workspace": DATABRICKS, "workers": "1", "epochs": "1"}
        return [word for name, value in options.items() for word in (f"--{name}", str(value))]


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory, write_recipe: WriteRecipe) -> Given:
    """A recipe with a search and a network, and the cluster of its steps."""
    cluster = tmp_path_factory.mktemp("cluster") / "cluster.json"
    cluster.write_text(json.dumps(CLUSTER))
    return Given(write_recipe("on-azure", models=MODELS, search=SEARCH), cluster)


@pytest.fixture
def user(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """The workspace while its user is logged in, and has the token of Databricks."""
    settings = {"DATABRICKS_TOKEN": TOKEN, "THROUGHLINE_POLL_SECONDS": "0.2"}
    for name, value in (workspace.principal | workspace.names | settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(PROJECT)
    yield workspace
    workspace.computes.refuses, workspace.computes.fails = None, ""
    workspace.pipelines.refuses, workspace.pipelines.starts = None, True
    workspace.published.refuses = None


@pytest.fixture
def empty(user: Workspace) -> Workspace:
    """The user's workspace, with no compute in it."""
    user.computes.attached.clear()
    return user


@pytest.fixture(scope="session")
def main() -> Main:
    """The script's ``main``."""
    path = PROJECT / "steps/aml_pipeline.py"
    spec = importlib.util.spec_from_file_location("steps_aml_pipeline", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def call(given: Given, **options: Any) -> None:
        said = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        module.main([*given.arguments, *said])

    return call


def graph_of(workspace: Workspace) -> list[tuple[str, dict[str, str], dict[str, Any]]]:
    """The steps of the graph that was sent last: their names, what they say, their modules."""
    number = list(workspace.graphs.sent)[-1]
    return [
        (
            module["Name"],
            {
                one["Name"]: one["Value"]
                for kind in ("ModuleParameters", "ModuleMetadataParameters")
                for one in node[kind]
            },
            module,
        )
        for _, module, node in workspace.graphs.steps(number)
    ]
