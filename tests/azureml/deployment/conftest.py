"""A workspace to deploy to, and a registry of another store with versions of a small model."""

import shutil

import pytest

from tests.deployment.saved_model import MODEL, VERSIONS, save_model
from tests.extras import install
from throughline.registry.digest import DIGEST, digest_of

MACHINES = {
    **{"vmSize": "STANDARD_DS3_V2", "vmPriority": "LowPriority", "subnet": None},
    "scaleSettings": {
        "minNodeCount": 0,
        "maxNodeCount": 2,
        "nodeIdleTimeBeforeScaleDown": "PT120S",
    },
}
REQUEST = {"dataframe_records": [{"carrier": "UA", "distance": 1400}]}


@pytest.fixture(scope="session")
def registry(tmp_path_factory, empty_store):
    """The URI of a store whose registry has the versions."""
    import mlflow

    folder = tmp_path_factory.mktemp("registry")
    shutil.copy(empty_store, folder / "mlflow.db")
    uri = f"sqlite:///{folder}/mlflow.db"
    client = mlflow.MlflowClient(uri, uri)
    run = client.create_run(client.create_experiment("test", f"file://{folder}/artifacts"))
    client.create_registered_model(MODEL)
    for number, config in VERSIONS.items():
        save_model(folder / number, run.info.run_id, config)
        tags = {DIGEST: digest_of(folder / number)}
        source = f"file://{folder}/{number}"
        made = client.create_model_version(MODEL, source, run.info.run_id, tags)
        assert str(made.version) == number
    client.set_registered_model_alias(MODEL, "champion", "1")
    return uri


@pytest.fixture(scope="session")
def client_packages(tmp_path_factory):
    """The extra with the client of IoT hubs, in a folder beside the environment."""
    return install("requirements-iot-edge.txt", tmp_path_factory.mktemp("iot edge"))


@pytest.fixture
def client(client_packages, monkeypatch):
    """Lets this process import the client of IoT hubs."""
    monkeypatch.syspath_prepend(str(client_packages))


@pytest.fixture(scope="module")
def reached(running):
    """The workspace, which this process can reach as a service principal."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {**running.network, **running.principal, **running.names}.items():
            patched.setenv(name, value)
        yield running


@pytest.fixture(scope="module")
def here(reached, registry):
    """The workspace, and for this process the registry of the other store."""
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(registry)
    yield reached
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def workspace(here):
    """The SDK's client of the workspace, which has a Kubernetes cluster, and machines besides."""
    from throughline.azureml.workspace import find_workspace, open_workspace

    group = f"/subscriptions/{here.resources.subscription}/resourceGroups/tests"
    cluster = f"{group}/providers/Microsoft.ContainerService/managedClusters/cluster"
    here.computes.put("cluster", "AKS", resourceId=cluster, properties=None)
    here.computes.put("machines", "AmlCompute", isAttachedCompute=False, properties=MACHINES)
    yield open_workspace(find_workspace({}))
    for name in ("cluster", "machines"):
        del here.computes.attached[name]


@pytest.fixture(scope="session")
def version():
    """A version of the model, as it is resolved from the registry."""
    from throughline.deployment.target import ModelVersion

    return lambda number: ModelVersion(MODEL, number, "run", f"file:///models/{number}")
