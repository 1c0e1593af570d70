"""A whole chain on a slice of the flights, run once as a user runs it, for all tests here."""

import contextlib
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
RECORDER = """
import atexit, json, os, pathlib, sys

def tell():
    modules = [m for n, m in list(sys.modules.items()) if n.split(".")[0] == "throughline"]
    files = sorted(str(m.__file__) for m in modules if getattr(m, "__file__", None))
    if files:
        name = f"{pathlib.Path(sys.argv[0]).stem}-{os.getpid()}.json"
        pathlib.Path(__file__).with_name(name).write_text(json.dumps(files))

atexit.register(tell)
"""
"""Tells which of this project's modules a Python process had loaded when it ended."""


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


SECRET = "of-the-environment-and-nowhere-else"  # noqa: S105 (it opens nothing)
SECRETS = (
    *("AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_CLIENT_SECRET"),
    *("DATABRICKS_TOKEN", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
)
"""Variables with which people log in; none of them is used in these chains."""


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
    def tracking_uri(self) -> str:
        return f"sqlite:///{self.folder}/mlflow.db"

    @property
    def loaded(self) -> Path:
        """Where processes tell which modules they had loaded."""
        return self.folder / "loaded"

    @property
    def chain_options(self) -> list[str]:
        """What the whole chain is run with."""
        slice_of = {"recipe": self.recipe, "data_root": self.data_root, "fraction": 0.1}
        options = {**slice_of, "epochs": 2, "port": self.port}
        return [word for name, value in options.items() for word in ("-P", f"{name}={value}")]

    @property
    def environment(self) -> dict[str, str]:
        programs = str(Path(sys.executable).parent)
        return os.environ | {
            "MLFLOW_TRACKING_URI": self.tracking_uri,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "GIT_PYTHON_REFRESH": "quiet",
            **dict.fromkeys(SECRETS, SECRET),
            "PYTHONPATH": os.pathsep.join(
                [str(self.loaded), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
        }

    def mlflow_run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """``mlflow run`` of an entry point, as a user types it."""
        command = ["mlflow", "run", str(PROJECT), "--env-manager", "local", *options]
        return subprocess.run(
            command, env=self.environment, cwd=self.folder, capture_output=True, text=True
        )

    def script(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A step's script, as ``mlflow run`` starts it."""
        with self.start(name, *arguments) as process:
            told, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, told, errors)

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """The same, left running."""
        command = [sys.executable, f"steps/{name}.py", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=self.environment, cwd=PROJECT, stdout=pipe, stderr=pipe, text=True
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
    made.loaded.mkdir()
    (made.loaded / "sitecustomize.py").write_text(RECORDER)
    with contextlib.chdir(made.folder):  # artifacts go below the folder the store is made in
        mlflow.MlflowClient(made.tracking_uri).search_experiments()
    yield made
    made.script("deploy", "--action", "stop", "--data_root", str(made.data_root))
    shutil.rmtree(made.folder, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def _its_store(project: Project) -> Iterator[None]:
    """Makes the project's store the active one, module by module: others run in between."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(project.tracking_uri)
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="session")
def chain(project: Project) -> subprocess.CompletedProcess[str]:
    """The whole chain, finished."""
    return project.mlflow_run(*project.chain_options)
