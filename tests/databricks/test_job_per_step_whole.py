"""The whole chain with a job per step, a search and a network among them, and a table scored."""

from pathlib import Path

import mlflow
import pandas as pd
import pytest

from tests.conftest import WriteRecipe
from tests.databricks.conftest import DATA_ROOT, Run
from tests.databricks.test_one_job import MODELS, SEARCH, STEPS
from tests.emulators.databricks.workspace import Workspace
from throughline.prepared import PreparedTable
from throughline.tracking import PREPARED, children

pytestmark = pytest.mark.long
NAME = "whole-per-step"


@pytest.fixture(scope="module")
def printed(workspace: Workspace, run: Run, write_recipe: WriteRecipe, cluster_file: Path) -> str:
    """What main said, once the chain has ended."""
    recipe = write_recipe(NAME, models=MODELS, search=SEARCH)
    done = run(
        *("mlflow", "run", ".", "--env-manager", "local", "--experiment-name", f"/Shared/{NAME}"),
        *("-P", f"recipe={recipe}", "-P", f"data_root={DATA_ROOT}"),
        *("-P", "workers=1", "-P", "epochs=1"),
        *("-P", "backend=databricks", "-P", f"backend_config={cluster_file}"),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def steps_of_main() -> list[mlflow.entities.Run]:
    (main,) = mlflow.search_runs(
        experiment_names=[f"/Shared/{NAME}"],
        filter_string="tags.`throughline.step` = 'main'",
        output_format="list",
    )
    return children(main.info.run_id)


def test_every_step_is_a_job(here: Workspace, printed: str) -> None:
    steps = steps_of_main()
    assert [one.data.tags["throughline.step"] for one in steps] == STEPS
    assert {one.info.status for one in steps} == {"FINISHED"}
    assert {one.data.tags["mlflow.project.backend"] for one in steps} == {"databricks"}
    assert f"{here.server.url}/serving-endpoints/{NAME} serves models:/{NAME}/1" in printed


def test_a_table_is_scored_by_a_job(
    here: Workspace, printed: str, run: Run, cluster_file: Path, tmp_path: Path
) -> None:
    prepared = PreparedTable.open(steps_of_main()[0].data.tags[PREPARED])
    variant = str(tmp_path / "databricks")
    packed = run("python", "-m", "throughline.packaging", "databricks", variant)
    assert packed.returncode == 0, packed.stderr
    scored = run(
        *("mlflow", "run", variant, "-b", "databricks", "-c", str(cluster_file), "-e", "score"),
        *("--experiment-name", f"/Shared/{NAME}", "-P", f"model=models:/{NAME}/1"),
        *("-P", f"table={prepared.output.path('raw/__split=test')}"),
        *("-P", f"output={tmp_path}/scored", "-P", f"data_root={DATA_ROOT}"),
    )
    assert scored.returncode == 0, scored.stderr[-3000:]
    number = max(here.jobs.runs)
    process = here.jobs.runs[number].process
    assert process is not None
    process.wait(600)
    assert here.jobs.runs[number].state()["result_state"] == "SUCCESS", here.jobs.log(number)
    found = pd.read_parquet(tmp_path / "scored/rows")
    assert len(found) == prepared.rows["test"]
    assert found["probability"].between(0, 1).all()
