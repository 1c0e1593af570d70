"""Many clients at once of one tracking server, on PostgreSQL, which serves artifacts as well."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier

import mlflow
import pytest

from tests.faults.server import TrackingServer
from tests.steps.conftest import PROJECT
from throughline.caching.cache import KEY
from throughline.registry.digest import DIGEST
from throughline.registry.promotion import registered_version
from throughline.registry.roles import CHAMPION, give_role, version_with
from throughline.tracking import MODEL

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


@pytest.fixture
def client(server: TrackingServer) -> Iterator[mlflow.MlflowClient]:
    """A client of the server, which is the active one meanwhile."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server.url)
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(before)


def at_once(work: Callable[[str], object], what: Sequence[str]) -> None:
    """Does something with each, in threads that begin together."""
    together = Barrier(len(what))

    def begin(one: str) -> None:
        together.wait()
        work(one)

    with ThreadPoolExecutor(len(what)) as threads:
        list(threads.map(begin, what))


@pytest.mark.slow
def test_many_give_the_first_champion_at_once(client: mlflow.MlflowClient) -> None:
    """MLflow looks whether an alias is there before it writes one."""
    for number in range(10):
        name = f"contested {number}"
        client.create_registered_model(name)
        made = [client.create_model_version(name, "s3://here/a") for _ in range(4)]
        at_once(lambda one, name=name: give_role(name, one, CHAMPION), [v.version for v in made])
        champion = version_with(name, CHAMPION)
        assert champion
        made = client.search_model_versions(f"name = '{name}'")
        production = [one.version for one in made if one.current_stage == "Production"]
        assert production == [champion.version]


class Constant(mlflow.pyfunc.PythonModel):
    """A model that any chain may have logged."""

    def predict(self, model_input: list[str]) -> list[str]:
        """What it was given."""
        return model_input


@pytest.mark.slow
def test_many_register_one_candidate_once(client: mlflow.MlflowClient) -> None:
    """Its version is one, whichever chain is faster."""
    with mlflow.start_run() as run:
        model = mlflow.pyfunc.log_model(name="model", python_model=Constant())
        mlflow.set_tag(MODEL, model.model_uri)
    candidate = client.get_run(run.info.run_id)
    for number in range(3):
        name = f"registered once {number}"
        client.create_registered_model(name)
        register = partial(registered_version, name, candidate)
        at_once(lambda told, register=register: register({"by": told}), list("abcd"))
        (version,) = client.search_model_versions(f"name = '{name}'")
        assert version.tags["run"] == run.info.run_id
        assert DIGEST in version.tags
