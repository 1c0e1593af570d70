"""A whole chain on a slice of the flights, run once as a user runs it, for all tests here."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
import yaml

from throughline.recipe.file import load_recipe

PROJECT = Path(__file__).parents[2]


def slice_recipe(target: Path) -> Path:
    """The flights recipe for a slice: fewer trees, a bar that a slice can reach."""
    recipe = load_recipe(PROJECT / "recipes/flights.yaml").model_dump(mode="json", by_alias=True)
    small = {"spark_gbt": {"maxIter": 3}, "xgboost": {"n_estimators": 40}}
    for model in recipe["models"]:
        model["parameters"] |= small.get(model["family"], {})
    recipe["search"]["max_evals"] = 2
    recipe["promote"]["at_least"] = {"roc_auc": 0.6}
    target.write_text(yaml.safe_dump(recipe))
    return target


@dataclass(frozen=True)
class Project:
    """Where a chain runs: its own tracking store, data root, recipe and port."""

    folder: Path
    port: int

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.yaml"

    @property
    def data_root(self) -> Path:
        return self.folder / "data root"

    @property
    def environment(self) -> dict[str, str]:
        programs = str(Path(sys.executable).parent)
        return os.environ | {
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db",
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "GIT_PYTHON_REFRESH": "quiet",
        }

    def mlflow_run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """``mlflow run`` of an entry point, as a user types it."""
        command = ["mlflow", "run", str(PROJECT), "--env-manager", "local", *options]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True
        )

    def script(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A step's script, as ``mlflow run`` starts it."""
        command = [sys.executable, f"steps/{name}.py", *arguments]
        return subprocess.run(
            command, env=self.environment, cwd=PROJECT, capture_output=True, text=True
        )


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """An empty place to run in."""
    made = Project(tmp_path_factory.mktemp("project"), free_port())
    slice_recipe(made.recipe)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(made.environment["MLFLOW_TRACKING_URI"])
    yield made
    made.script("deploy", "--action", "stop", "--data_root", str(made.data_root))
    mlflow.set_tracking_uri(before)
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def chain(project: Project) -> subprocess.CompletedProcess[str]:
    """The whole chain, finished."""
    link = project.data_root
    return project.mlflow_run(
        *("-P", f"recipe={project.recipe}", "-P", f"data_root={link}", "-P", "fraction=0.1"),
        *("-P", "epochs=2", "-P", f"port={project.port}"),
    )
