"""The chain with its steps in one process, on a laptop."""

import json
import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
import yaml

from throughline.tracking import children

PROJECT = Path(__file__).parents[2]


def main(folder: Path, recipe: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "steps/main.py", "--backend", "in_process", *options]
    command += ["--recipe", str(recipe), "--data_root", str(folder / "data root")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)


@pytest.fixture
def store(tmp_path: Path):
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    yield
    mlflow.set_tracking_uri(before)


def recipe_with(folder: Path, text: str, table: Path, **values: object) -> Path:
    recipe = yaml.safe_load(text.replace("TABLE", json.dumps(str(table))))
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({**recipe, **values}), encoding="utf-8")
    return path


@pytest.mark.slow
def test_every_step_is_a_run_below_main(
    tmp_path: Path, store, small_recipe_text, small_table
) -> None:
    bar = {"at_least": {"roc_auc": 2.0}}
    table = Path("/mnt/raw", small_table.name)
    recipe = recipe_with(tmp_path, small_recipe_text, table, promote=bar)
    done = main(tmp_path, recipe, "--mount", f"/mnt/raw={small_table.parent}")
    assert done.returncode == 0, done.stderr[-3000:]
    (found,) = mlflow.search_runs(["0"], "tags.`throughline.step` = 'main'", output_format="list")
    steps = children(found.info.run_id)
    assert [run.info.run_name for run in steps] == ["prep", "train", "register"]
    assert {run.info.status for run in (found, *steps)} == {"FINISHED"}
    assert steps[0].data.params["recipe"].endswith("recipe.yaml")
    assert steps[0].data.params["mount"] == f"/mnt/raw={small_table.parent}"


def test_the_sentence_of_a_failed_step_names_it(
    tmp_path: Path, store, small_recipe_text, small_table
) -> None:
    recipe = recipe_with(tmp_path, small_recipe_text, small_table, key=["nothing"])
    done = main(tmp_path, recipe)
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: The step prep stopped: The recipe's key names the column")
    runs = mlflow.search_runs(["0"], output_format="list")
    assert {run.info.status for run in runs} == {"FAILED"} and len(runs) == 2
