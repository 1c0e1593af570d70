"""Tuning in its other ways, on the prepared table of the chain."""

import mlflow
import pytest
from mlflow.entities import Run

from tests.steps.conftest import Project
from tests.steps.test_chain import Chain, newest
from throughline.tracking import CANDIDATE, REFITTED, children


def tuned(project: Project, monkeypatch: pytest.MonkeyPatch, name: str, *arguments: str) -> Run:
    """The run of a tuning in an experiment of its own, which is not looked at elsewhere."""
    prepared = newest("prep").info.run_id
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    result = project.script("tune", "--prep_run", prepared, *arguments)
    assert result.returncode == 0, result.stderr[-3000:]
    query = "tags.`throughline.step` = 'tune'"
    (run,) = mlflow.search_runs(experiment_names=[name], filter_string=query, output_format="list")
    return run


@pytest.mark.slow
def test_sparks_validators(project: Project, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = "grid_search.parameters.maxIter=2"
    arguments = ("--method", "train_validation_split", "--set", changes)
    run = tuned(project, monkeypatch, "grid", *arguments)
    assert len(children(run.info.run_id)) == 4
    assert run.data.tags[CANDIDATE] == "tuned spark_gbt"
    assert {"validation_roc_auc", "test_roc_auc"} <= set(run.data.metrics)


@pytest.mark.slow
def test_optuna_and_a_model_of_all_rows(
    project: Project, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = "search.engine=optuna,search.refit=all,search.parameters.n_estimators=20"
    run = tuned(project, monkeypatch, "optuna", "--max_evals", "2", "--set", changes)
    assert len(children(run.info.run_id)) == 3  # two trials, and the model of all rows
    assert run.data.tags[REFITTED].startswith("models:/")
    assert (project.data_root / "studies/optuna.log").exists()
