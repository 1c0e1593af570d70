"""Whether what is served needs no deploy, on a real tracking store and registry."""

from pathlib import Path

import mlflow
import pytest

from throughline.caching import reconciling
from throughline.caching.reconciling import deployed
from throughline.chain.chain import Chain, Finished
from throughline.chain.in_process import InProcessBackend
from throughline.deployment.limits import Limits
from throughline.deployment.target import Deployment, ModelVersion
from throughline.tracking import STEP

URL = "http://127.0.0.1:5055"
ENDPOINT = {"url": URL, "model": "models:/small/1", "place": "pid 1", "curl": f"curl -s {URL}"}


@pytest.fixture
def experiment(own_store: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An experiment where the champion of the model ``small`` is served and answers."""
    made = mlflow.create_experiment("served", (tmp_path / "artifacts").as_uri())
    client = mlflow.MlflowClient()
    client.create_registered_model("small")
    version = client.create_model_version("small", (tmp_path / "model").as_uri())
    client.set_registered_model_alias("small", "champion", version.version)
    limits = str(Limits.from_environment())
    served = Deployment(ModelVersion.of(version), URL, 1, log="", healthy=True, limits=limits)

    class Target:
        def status(self, model: str) -> Deployment:
            return served

    monkeypatch.setattr(reconciling, "open_target", lambda *_: Target())
    return str(made)


def test_a_deploy_that_left_no_facts_is_made_again(experiment: str) -> None:
    tags = {STEP: "deploy", "endpoint.url": URL, "endpoint.version": "1"}
    with mlflow.start_run(experiment_id=experiment, tags=tags) as deploy:
        mlflow.log_dict(ENDPOINT, "endpoint.json")
    with mlflow.start_run(experiment_id=experiment):
        found = deployed("small", "champion", "local", "data", 5055)
        assert found.run
        assert found.run.info.run_id == deploy.info.run_id
        last = Finished("deploy", "unchanged", 0.1, deploy.info.run_id)
        shown = Chain(InProcessBackend(), finished=[last]).where_to_look()
        assert f"{URL} serves models:/small/1, pid 1" in shown
        folder = Path(deploy.info.artifact_uri.removeprefix("file://"))
        (folder / "endpoint.json").unlink()
        found = deployed("small", "champion", "local", "data", 5055)
        assert (found.run, found.why) == (None, "endpoint.json of its run is missing")
