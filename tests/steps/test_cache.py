"""The chain again: what is unchanged is taken from before, and only what a change reaches runs."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run

from tests.steps.conftest import PROJECT, Project
from tests.steps.test_chain import NAME, STEPS, Chain, newest
from throughline.caching import step_key
from throughline.caching.cache import REUSED, find, record_of
from throughline.caching.code import code_of
from throughline.caching.key import Key, Parts
from throughline.caching.step_key import key_of
from throughline.tracking import PREPARED, STEP, children

TRAININGS = ("train", "tune", "distributed_train")
EVERY = {"prep", *TRAININGS}


def states(stdout: str) -> dict[str, str]:
    """What the printed table says of each step."""
    words = [line.split() for line in stdout.splitlines()]
    return {line[0]: line[1] for line in words if len(line) > 1 and line[0] in STEPS}


def keys(project: Project, **changes: dict[str, object]) -> Iterator[Key]:
    """The keys that main would make, were it given other parameters for all steps or for one."""
    recipe = {"recipe": project.recipe, **changes.get("all", {})}
    slice_of = {"data_root": project.data_root, "fraction": "0.10"}
    yield key_of("prep", {**recipe, **slice_of, **changes.get("prep", {})})
    given = {step: {**recipe, "prep_run": newest("prep").info.run_id} for step in TRAININGS}
    given["distributed_train"]["epochs"] = 2
    for step in TRAININGS:
        yield key_of(step, {**given[step], **changes.get(step, {})})


def problems(project: Project) -> dict[str, str]:
    """Why steps would run again though nothing changed, by step."""
    told = {}
    for key in keys(project):
        found = find(key)
        if found.run is None:
            told[key.step] = found.why
            if key.step == "prep":
                break
    return told


@pytest.fixture(scope="module")
def before(project: Project, chain: Chain) -> dict[str, Parts]:
    """The keys' parts by step, as the chain's runs have recorded them."""
    runs = {key.step: find(key).run for key in keys(project)}
    return {step: record_of(run)["parts"] for step, run in runs.items()}


def reasons(project: Project, before: dict[str, Parts], **changes: object) -> dict[str, str]:
    """Why steps would run again, by step, were something else given."""
    told = {}
    for key in keys(project, **changes):
        if why := key.differences(before[key.step]):
            if key.step == "prep":
                return dict.fromkeys(EVERY, why)
            told[key.step] = why
    return told


@contextmanager
def missing(path: Path) -> Iterator[None]:
    """Takes a file away for the block."""
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    yield
    away.rename(path)


def local(uri: str) -> Path:
    return Path(uri.removeprefix("file://"))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, whose content keys are made of."""
    folder = tmp_path_factory.mktemp("copied")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("steps", "throughline"):
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    for name in ("MLproject", "requirements.lock"):
        shutil.copy2(PROJECT / name, folder / name)
    return folder


@pytest.fixture
def rerun(project: Project, chain: Chain) -> Iterator[Callable[..., Chain]]:
    """Runs the chain again; what that leaves is deleted, so that other tests see one chain."""
    before = {run.info.run_id for run in all_runs()}

    def start(*options: str, **environment: str) -> Chain:
        command = ["mlflow", "run", str(PROJECT), "--env-manager", "local"]
        return subprocess.run(
            [*command, *project.chain_options, *options],
            env=project.environment | environment,
            cwd=project.folder,
            capture_output=True,
            text=True,
        )

    yield start
    for run in all_runs():
        if run.info.run_id not in before:
            mlflow.delete_run(run.info.run_id)


def all_runs() -> list[Run]:
    return list(mlflow.search_runs(["0"], output_format="list"))


@pytest.mark.slow
def test_the_chain_again_takes_everything_from_before(
    chain: Chain, rerun: Callable[..., Chain]
) -> None:
    """Without a Java nothing could start Spark."""
    started = time.monotonic()
    again = rerun(JAVA_HOME="/nowhere")
    print(f"the unchanged chain again: {time.monotonic() - started:.1f} s\n{again.stdout}")
    assert again.returncode == 0, again.stderr[-3000:]
    assert set(states(chain.stdout).values()) == {"ran"}
    cached = {**dict.fromkeys(EVERY, "cached"), "register": "unchanged", "deploy": "unchanged"}
    assert states(again.stdout) == cached, again.stdout
    main = newest("main")
    assert not children(main.info.run_id)
    reused = {n.removeprefix(REUSED) for n in main.data.tags if n.startswith(REUSED)}
    assert reused == set(STEPS)
    assert "curl -s http://127.0.0.1:" in again.stdout
    assert len(mlflow.MlflowClient().search_model_versions(f"name = '{NAME}'")) == 1


@pytest.mark.slow
def test_a_parameter_of_one_step_runs_that_step(rerun: Callable[..., Chain]) -> None:
    result = rerun("-P", "workers=1")
    assert result.returncode == 0, result.stderr[-3000:]
    assert states(result.stdout) == {
        **dict.fromkeys(EVERY, "cached"),
        "distributed_train": "ran",
        "register": "unchanged",
        "deploy": "unchanged",
    }
    assert "parameters changed: workers" in result.stdout
    (step,) = children(newest("main").info.run_id)
    assert step.data.tags[STEP] == "distributed_train"


@pytest.mark.parametrize(
    ("step", "change", "why"),
    [
        ("prep", {"fraction": 0.2}, "parameters changed: fraction"),
        ("prep", {"data_root": "elsewhere"}, "parameters changed: data_root"),
        ("prep", {"contract": "latest"}, "inputs changed: contract"),
        ("train", {"model": "xgboost"}, "parameters changed: model"),
        ("tune", {"max_evals": 3}, "parameters changed: max_evals"),
        ("tune", {"method": "cross_validation"}, "parameters changed: method"),
        ("distributed_train", {"epochs": 3}, "parameters changed: epochs"),
        ("distributed_train", {"workers": 3}, "parameters changed: workers"),
    ],
)
def test_a_parameter(
    project: Project, before: dict[str, Parts], step: str, change: dict[str, object], why: str
) -> None:
    found = reasons(project, before, **{step: change})
    assert set(found) == (EVERY if step == "prep" else {step})
    assert why in found[step]


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ("split.validation=0.2", EVERY),
        ("models.0.parameters.regParam=0.5", {"train"}),
        ("search.seed=8", {"tune"}),
        ("threshold.cost.false_positive=1,threshold.cost.false_negative=2", set(TRAININGS)),
        ("slices.0=dest", set(TRAININGS)),
        ("promote.beat_champion=false", set()),
    ],
)
def test_a_part_of_the_recipe(
    project: Project, before: dict[str, Parts], change: str, steps: set[str]
) -> None:
    assert set(reasons(project, before, all={"set": change})) == steps


@pytest.mark.parametrize(
    ("file", "steps"),
    [
        ("throughline/splitting/splitting.py", EVERY),
        ("throughline/report/page.css", EVERY),
        ("throughline/sources/delimited.py", {"prep"}),
        ("throughline/models/xgboost.py", {"train", "tune"}),
        ("throughline/models/served_pyfunc.py", set(TRAININGS)),
        ("throughline/distributed/worker.py", {"tune", "distributed_train"}),
        ("throughline/tuning/trial.py", {"tune"}),
        ("steps/tune.py", {"tune"}),
        ("throughline/databricks/backend.py", set()),
        ("throughline/deployment/app.py", set()),
        ("throughline/chain/chain.py", set()),
        ("throughline/caching/key.py", set()),
        ("requirements.lock", EVERY),
    ],
)
def test_a_file(
    project: Project,
    before: dict[str, Parts],
    copied: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    steps: set[str],
) -> None:
    monkeypatch.setattr(step_key, "project_root", lambda: copied)
    path = copied / file
    text = path.read_text()
    path.write_text(f"{text}\n# another line\n")
    found = reasons(project, before)
    path.write_text(text)
    assert set(found) == (EVERY if "prep" in steps else steps)
    part = "environment" if file.endswith(".lock") else "code"
    assert all(f"{part} changed: {file}" in why for step, why in found.items() if step in steps)


def test_prepared_rows_that_are_gone_are_noticed(project: Project, chain: Chain) -> None:
    table = Path(newest("prep").data.tags[PREPARED])
    for file in (next(table.glob("train/*.parquet")), table / "plan.json"):
        with missing(file):
            assert problems(project)["prep"] == f"{file} is missing"
    with missing(table / "manifest.json"):
        assert "no finished output" in problems(project)["prep"]


def test_models_that_are_gone_or_damaged_are_noticed(project: Project, chain: Chain) -> None:
    (model,) = [m for m in models_of(newest("distributed_train").info.run_id) if m.exists()]
    onnx = next(model.rglob("*.onnx"))
    with missing(onnx):
        (why,) = problems(project).values()
        assert why.endswith(f"{onnx.relative_to(model)} is missing")
        onnx.write_bytes(b"half")
        (why,) = problems(project).values()
        assert why.endswith("was changed")
        onnx.unlink()
    curves = local(newest("distributed_train").info.artifact_uri) / "evaluation/curves.json"
    with missing(curves):
        assert set(problems(project)) == {"distributed_train"}
    assert problems(project) == {}


def models_of(run_id: str) -> list[Path]:
    found = mlflow.search_logged_models(
        ["0"],
        filter_string=f"source_run_id = '{run_id}' AND name = 'model'",
        output_format="list",
    )
    return [local(model.artifact_location) for model in found]


def test_a_deleted_candidate_is_noticed(project: Project, chain: Chain) -> None:
    candidate = children(newest_train().info.run_id)[0].info.run_id
    mlflow.delete_run(candidate)
    try:
        assert problems(project) == {"train": f"the candidate's run {candidate} was deleted"}
    finally:
        mlflow.MlflowClient().restore_run(candidate)


def newest_train() -> Run:
    """The training of all models; other tests train one of them."""
    query = "tags.`throughline.step` = 'train' AND params.model = 'all'"
    (run,) = mlflow.search_runs(
        ["0"], query, max_results=1, order_by=["start_time DESC"], output_format="list"
    )
    return run


def test_the_files_of_a_key_are_those_that_were_loaded(project: Project, chain: Chain) -> None:
    seen = set()
    without = {f"throughline/{name}.py" for name in ("packaging/__init__", "packaging/mlproject")}
    for report in project.loaded.glob("*.json"):
        step = report.stem.partition("-")[0]
        if step not in {*EVERY, "worker", "register"}:
            continue
        seen.add(step)
        files = {Path(name) for name in json.loads(report.read_text())}
        names = {f.relative_to(PROJECT).as_posix() for f in files if f.is_relative_to(PROJECT)}
        known = set(code_of("distributed_train" if step == "worker" else step, PROJECT))
        loaded = {name for name in names if not name.startswith("throughline/caching/")}
        assert loaded - known - without == set(), step
    assert seen >= {*EVERY, "register"}
