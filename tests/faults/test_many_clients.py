"""Many clients at once of one tracking server, on PostgreSQL, which serves artifacts as well."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import mlflow
import pytest

from tests.faults.server import TrackingServer
from tests.steps.conftest import PROJECT
from throughline.caching.cache import KEY
from throughline.registry.roles import CHAMPION, give_role, version_with

CLIENTS = 16
ROUNDS = 3


@pytest.mark.slow
def test_sixteen_clients_lose_and_double_nothing(server: TrackingServer, tmp_path: Path) -> None:
    environment = os.environ | {"MLFLOW_TRACKING_URI": server.url, "MLFLOW_EXPERIMENT_NAME": "many"}
    command = [sys.executable, "-m", "tests.faults.client", str(ROUNDS)]
    first = subprocess.run([*command[:-1], "0"], env=environment, cwd=PROJECT, capture_output=True)
    assert first.returncode == 0, first.stderr[-2000:]
    clients = [
        subprocess.Popen(
            [*command, str(number)],
            env=environment,
            cwd=PROJECT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(CLIENTS)
    ]
    for one in clients:
        errors = one.communicate(timeout=900)[1]
        assert one.returncode == 0, errors[-4000:]
    client = mlflow.MlflowClient(server.url, server.url)
    experiment = client.get_experiment_by_name("many")
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    assert len(runs) == CLIENTS * ROUNDS
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.metrics["loss"] for run in runs} == {0.0}
    assert all(len(client.get_metric_history(run.info.run_id, "loss")) == 20 for run in runs)
    versions = client.search_model_versions("name = 'many'")
    assert len(versions) == CLIENTS * ROUNDS
    assert len({version.version for version in versions}) == CLIENTS * ROUNDS
    champion = client.get_model_version_by_alias("many", "champion")
    assert champion.version in {version.version for version in versions}
    keys = [run.data.tags[KEY] for run in runs]
    assert sorted(map(keys.count, set(keys))) == [CLIENTS] * ROUNDS


@pytest.mark.slow
def test_many_give_the_first_champion_at_once(server: TrackingServer) -> None:
    """MLflow looks whether an alias is there before it writes one."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    client = mlflow.MlflowClient()
    many = 4
    together = Barrier(many)

    def give(version: str) -> None:
        together.wait()
        give_role(name, version, CHAMPION)

    try:
        with ThreadPoolExecutor(many) as threads:
            for number in range(10):
                name = f"contested {number}"
                client.create_registered_model(name)
                made = [client.create_model_version(name, "s3://here/a") for _ in range(many)]
                versions = [str(version.version) for version in made]
                list(threads.map(give, versions))
                champion = version_with(name, CHAMPION)
                assert champion
                made = client.search_model_versions(f"name = '{name}'")
                production = [one.version for one in made if one.current_stage == "Production"]
                assert production == [champion.version]
    finally:
        mlflow.set_tracking_uri(before)
