"""The project in containers: the whole chain inside one, a step in each, a served model.

These take about half an hour on two cores, most of it the image's first build and two whole chains.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import polars as pl
import pytest
import requests

from tests.docker.conftest import PROJECT, Engine
from tests.steps.conftest import free_port, slice_recipe
from throughline.deployment.token import TOKEN
from throughline.tracking import children

STEPS = ["prep", "train", "tune", "distributed_train", "register", "deploy"]
SLICE = ("-P", "fraction=0.1", "-P", "epochs=2")

pytestmark = [pytest.mark.long, pytest.mark.timeout(2400)]


@dataclass(frozen=True)
class Place:
    """Where chains in containers run: a recipe, a data root, a tracking store, an engine."""

    folder: Path
    engine: Engine
    tracking: str

    def mlflow_run(self, *options: str, uri: Path = PROJECT) -> subprocess.CompletedProcess[str]:
        """``mlflow run`` on this machine."""
        environment = self.engine.environment | {"MLFLOW_TRACKING_URI": self.tracking}
        command = ["mlflow", "run", str(uri), *options]
        return subprocess.run(
            command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def place(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("docker-place")
    (folder / "recipe").mkdir()
    slice_recipe(folder / "recipe/recipe.yaml")
    (folder / "runs").mkdir()
    made = Place(folder, engine, f"sqlite:///{folder}/runs/mlflow.db")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(made.tracking)
    yield made
    mlflow.set_tracking_uri(before)
    shutil.rmtree(folder, ignore_errors=True)


def test_the_image_has_a_user_java_and_no_compiler(engine: Engine, image: str) -> None:
    look = "id -un; which g++ gcc make; python -c 'from throughline.spark import java_home, "
    look += "java_version; from pathlib import Path; print(java_version(Path(java_home())))'"
    said = engine("run", "--rm", image, "sh", "-c", look).split()
    assert said == ["throughline", "17"]
    labels = json.loads(engine("inspect", "--format", "{{json .Config.Labels}}", image))
    assert labels["org.opencontainers.image.title"] == "Throughline"
    assert engine("inspect", "--format", "{{json .Config.Healthcheck}}", image) != "null"


def test_a_change_of_code_is_built_in_seconds(engine: Engine, image: str, tmp_path: Path) -> None:
    changed = PROJECT / "throughline/chain/changed_by_a_test.py"
    changed.write_text(f"CHANGED = {time.time()}\n")
    try:
        assert engine.build("throughline:changed") < 20
    finally:
        changed.unlink()
    engine("rmi", "throughline:changed")


def test_the_whole_chain_runs_in_one_container(
    engine: Engine, image: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = place.folder / "inside"
    for name in ("data", "mlruns"):
        (state / name).mkdir(parents=True)
        (state / name).chmod(0o777)
    mounts = [f"{place.folder}/recipe:/recipe:ro", f"{state}/data:/throughline/data"]
    mounts += [f"{state}/mlruns:/throughline/mlruns"]
    volumes = [part for mount in mounts for part in ("-v", mount)]
    run = ["python", "-m", "throughline", "run", "-P", "recipe=/recipe/recipe.yaml", *SLICE]
    said = engine("run", "--rm", "--init", *volumes, image, *run)
    assert all(f"\n{step} " in said for step in STEPS), said[-4000:]
    # the volumes hold all of it: other containers score and serve with what this one registered
    (prepared,) = (state / "data").glob("prepared/*/*")
    raw = f"data/{prepared.relative_to(state / 'data')}/raw"
    score = ["python", "-m", "throughline", "run", "-e", "score"]
    score += ["-P", f"table={raw}", "-P", "output=data/scored"]
    engine("run", "--rm", "--init", *volumes, image, *score)
    _check_scored(state / "data/scored")
    port = free_port()
    serve = ["python", "-m", "throughline.deployment.serve", "--host", "0.0.0.0"]  # noqa: S104
    serve += ["--model_uri", "models:/flights-late@champion"]
    name = "throughline-test-serving"
    monkeypatch.setenv(TOKEN, "a-secret-of-a-test")
    published = ("-p", f"127.0.0.1:{port}:5055", "-e", TOKEN)
    engine("run", "-d", "--rm", "--name", name, *volumes, *published, image, *serve)
    try:
        smoked = _until(
            lambda: place.mlflow_run(
                "--env-manager", "local", "-e", "smoke", "-P", f"url=http://127.0.0.1:{port}"
            )
        )
        assert "probability" in smoked.stdout, smoked.stderr
        assert engine("exec", name, "python", "-m", "throughline.deployment.health") == ""
    finally:
        engine("rm", "-f", name)


def _check_scored(folder: Path) -> None:
    """The scored rows are all there."""
    rows = json.loads((folder / "manifest.json").read_text())["rows"]
    found = pl.read_parquet(folder / "rows/*.parquet")
    assert len(found) == rows > 1000
    assert found["probability"].is_between(0, 1).all()


def test_main_runs_each_step_in_a_container(image: str, place: Place) -> None:
    port = free_port()
    where = ("-P", "backend=docker", "-P", f"backend_config={image}", "-P", f"port={port}")
    recipe = ("-P", f"recipe={place.folder}/recipe/recipe.yaml")
    data = ("-P", f"data_root={place.folder}/data")
    done = place.mlflow_run("--env-manager", "local", *recipe, *data, *where, *SLICE)
    try:
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        (parent,) = mlflow.search_runs(
            ["0"], "tags.`throughline.step` = 'main'", output_format="list"
        )
        steps = {run.data.tags["throughline.step"]: run for run in children(parent.info.run_id)}
        assert sorted(steps) == sorted(STEPS)
        environments = {
            name: run.data.tags.get("mlflow.project.env") for name, run in steps.items()
        }
        assert {name for name, kind in environments.items() if kind == "docker"} == set(STEPS[:-1])
        table = Path(steps["prep"].data.tags["throughline.prepared"])
        assert table.owner() == Path(place.folder).owner()
        # the container that stays answers as the model in this process
        url = f"http://127.0.0.1:{port}"
        request = requests.get(f"{url}/example", timeout=60).json()
        answer = requests.post(f"{url}/invocations", json=request, timeout=60).json()
        rows = mlflow.models.get_model_info("models:/flights-late@champion")
        assert rows.run_id == requests.get(f"{url}/model", timeout=60).json()["run_id"]
        assert 0 <= answer["predictions"][0]["probability"] <= 1
        # and another one scores a table
        folder = place.folder / "variant"
        _render(image, place.folder / "data", folder, place.tracking)
        score = ("-P", f"table={table}/raw", "-P", f"output={place.folder}/data/scored")
        who = ("-A", f"user={os.getuid()}:0")
        scored = place.mlflow_run(*who, "-e", "score", *score, uri=folder)
        assert scored.returncode == 0, scored.stderr[-4000:]
        _check_scored(place.folder / "data/scored")
    finally:
        stopped = place.mlflow_run(
            "--env-manager", "local", "-e", "deploy", "-P", "target=docker", "-P", "action=stop"
        )
    assert "stopped: models:/flights-late/1" in stopped.stdout


def test_a_rendered_project_runs_a_step_on_a_tracking_server(
    engine: Engine, image: str, place: Place
) -> None:
    port = free_port()
    store = f"sqlite:///{place.folder}/server.db"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        store,
        "--artifacts-destination",
        f"{place.folder}/artifacts",
    ]
    alone = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with subprocess.Popen(command, env=alone, stderr=subprocess.DEVNULL) as server:
        try:
            tracked = Place(place.folder, engine, f"http://127.0.0.1:{port}")
            _until(lambda: requests.get(f"{tracked.tracking}/health", timeout=5))
            folder, data = place.folder / "variant-of-a-server", place.folder / "served-data"
            _render(image, data, folder, tracked.tracking)
            who = ("-A", f"user={os.getuid()}:0", "-A", "network=host")
            done = tracked.mlflow_run(
                *who, "-e", "prep", "-P", "recipe=recipes/wine.yaml", uri=folder
            )
            assert done.returncode == 0, done.stderr[-4000:]
            assert list(data.glob("prepared/*/*/manifest.json"))
            assert list(place.folder.glob("artifacts/**/plan.json"))
        finally:
            server.terminate()


def _render(image: str, data_root: Path, folder: Path, tracking: str) -> None:
    """Writes the project as a Docker project of MLflow."""
    render = [sys.executable, "-m", "throughline.packaging", "docker", "--image", image]
    subprocess.run(
        [*render, "--data_root", str(data_root), str(folder)],
        cwd=PROJECT,
        check=True,
        env=os.environ | {"MLFLOW_TRACKING_URI": tracking},
    )


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_a_container_ends_with_its_chain(
    engine: Engine, image: str, place: Place, signal_number: int
) -> None:
    data, recipe = place.folder / "ended", place.folder / "recipe/recipe.yaml"
    command = [sys.executable, "steps/main.py", "--recipe", str(recipe), "--data_root", str(data)]
    command += ["--backend", "docker", "--backend_config", image]
    environment = engine.environment | {"MLFLOW_TRACKING_URI": place.tracking}
    containers = ("ps", "-q", "--filter", "name=throughline-prep-")
    with subprocess.Popen(command, cwd=PROJECT, env=environment) as chain:
        _until(lambda: bool(engine(*containers).strip()))
        (container,) = engine(*containers).split()
        _until(lambda: bool(engine("logs", container)))
        chain.send_signal(signal_number)
        chain.wait(60)
    _until(lambda: not engine(*containers).strip(), 15)
    (main,) = mlflow.search_runs(
        ["0"], "tags.`throughline.step` = 'main'", max_results=1, output_format="list"
    )
    (prep,) = children(main.info.run_id)
    assert prep.info.status in ("KILLED", "FAILED")


def test_a_mistake_in_a_container_is_told_in_one_sentence(image: str, place: Place) -> None:
    where = ("-P", "backend=docker", "-P", f"backend_config={image}")
    data = ("-P", f"data_root={place.folder}/data")
    done = place.mlflow_run("--env-manager", "local", *where, *data, "-P", "contract=nowhere")
    assert done.returncode == 1
    assert "error: The step prep stopped: There is no run 'nowhere'" in done.stderr


def _until(ask: object, seconds: float = 90) -> object:
    """Asks again and again until the answer is good."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = ask()
            if answer is not False and getattr(answer, "returncode", 0) == 0:
                return answer
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
        assert time.monotonic() < deadline, answer
        time.sleep(0.5)
