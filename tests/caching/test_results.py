"""The results of a training, listed and looked at, where their server may be gone."""

from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from throughline.caching.results import damage, results_of
from throughline.outputs import Output
from throughline.tracking import CANDIDATE, PREPARED, STEP

pytestmark = pytest.mark.usefixtures("own_store")


def trained(artifacts: str) -> "mlflow.entities.Run":
    """A training that is its one candidate, with artifacts at this address."""
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("small", artifacts)
    return client.create_run(experiment, tags={STEP: "tune", CANDIDATE: "xgboost"})


def test_what_is_missing_of_results_is_told(tmp_path: Path) -> None:
    run = trained((tmp_path / "artifacts").as_uri())
    mlflow.MlflowClient().log_text(run.info.run_id, "[]", "evaluation/slices.json")
    with mlflow.start_run(run_id=run.info.run_id):
        results = results_of(run)
        assert results[run.info.run_id][f"{run.info.artifact_uri}/evaluation"] == {"slices.json": 2}
        assert damage(run, results) == ""
        (Path(run.info.artifact_uri.removeprefix("file://")) / "evaluation/slices.json").unlink()
        assert damage(run, results).endswith("evaluation/slices.json is missing")


def test_a_report_of_prep_that_is_gone_is_told(tmp_path: Path) -> None:
    output = Output.below(str(tmp_path), "prepared")
    output.commit({})
    client = mlflow.MlflowClient()
    experiment = client.create_experiment("prepared", (tmp_path / "artifacts").as_uri())
    tags = {STEP: "prep", PREPARED: output.uri}
    run = client.create_run(experiment, tags=tags)
    client.log_text(run.info.run_id, "<p>", "report/index.html")
    with mlflow.start_run(run_id=run.info.run_id):
        results = results_of(run)
        assert damage(run, results) == ""
        (Path(run.info.artifact_uri.removeprefix("file://")) / "report/index.html").unlink()
        assert damage(run, results).endswith("report/index.html is missing")


def test_a_server_that_is_gone_has_not_lost_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run = trained("http://127.0.0.1:9/api/2.0/mlflow-artifacts/artifacts/0")
    with pytest.raises(MlflowException, match="failed with exception"):
        results_of(run)
    address = f"{run.info.artifact_uri}/evaluation"
    with mlflow.start_run(run_id=run.info.run_id), pytest.raises(MlflowException):
        damage(run, {run.info.run_id: {address: {"slices.json": 2}}})
