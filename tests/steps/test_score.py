"""``score`` after the chain: a table in, a table out, the champion's answers."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from tests.steps.conftest import Project
from tests.steps.test_chain import NAME, Chain, invoke, newest
from throughline.models.signature import conform
from throughline.prepared import PreparedTable
from throughline.tracking import CONTRACT, PREPARED


@pytest.fixture(scope="module")
def table(project: Project, chain: Chain) -> PreparedTable:
    return PreparedTable.open(newest("prep").data.tags[PREPARED])


def test_score_answers_as_the_endpoint(
    project: Project, table: PreparedTable, tmp_path: Path
) -> None:
    output = tmp_path / "scored rows"
    scored = project.mlflow_run(
        *("-e", "score", "-P", f"table={table.output.path('raw/__split=test')}"),
        *("-P", f"output={output}", "-P", f"data_root={project.data_root}"),
    )
    assert scored.returncode == 0, scored.stderr[-4000:]
    found = pd.read_parquet(output / "rows")
    raw = table.raw_rows("test", 1000)
    assert len(found) >= table.rows["test"]
    key = list(table.recipe.key)
    found = raw[key].merge(found, on=key, how="left", validate="one_to_one")
    rows = conform(raw, table.plan.inputs)
    here = mlflow.pyfunc.load_model(f"models:/{NAME}@champion").predict(rows)
    assert found["probability"].tolist() == here["probability"].tolist()
    assert found["prediction"].tolist() == here["prediction"].tolist()
    served = pd.DataFrame(invoke(project, rows).json()["predictions"])
    assert served["probability"].tolist() == found["probability"].tolist()
    run = newest("score")
    assert run.data.metrics["rows"] == table.rows["test"]
    assert run.data.metrics["rows_per_second"] > 0
    assert 0 < run.data.metrics["mean_probability"] < 1
    assert run.data.tags[CONTRACT]
    again = project.script("score", "--table", "rows.csv", "--output", str(output))
    assert again.returncode == 2
    assert f"There is something at {output} already" in again.stderr


def test_prep_checks_its_rows_against_an_earlier_contract(
    project: Project, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = newest("prep").info.run_id
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "contract")
    arguments = ["--recipe", str(project.recipe), "--data_root", str(project.data_root)]
    arguments += ["--fraction", "0.1", "--contract", earlier, "--set", "contract=refuse"]
    result = project.script("prep", *arguments)
    assert result.returncode == 0, result.stderr[-4000:]
    (run,) = mlflow.search_runs(experiment_names=["contract"], output_format="list")
    assert run.data.tags[CONTRACT] == "kept"
    learnt = mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/contract.json")
    assert learnt["on_violation"] == "refuse"
