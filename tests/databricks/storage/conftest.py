import os
import sys
from pathlib import Path

import pytest

from tests.emulators.databricks.commands import CLUSTER, Commands
from tests.emulators.databricks.dbutils import new_workspace
from tests.emulators.databricks.identity import TOKEN, identity_routes
from tests.emulators.databricks.server import Server

KEY = "a2V5LW9mLXRoZS10ZXN0cw=="
CLIENT_SECRET = "client-secret-of-the-tests"  # noqa: S105 (of no real service)


@pytest.fixture(autouse=True)
def no_workspace(monkeypatch, tmp_path):
    """No test finds a workspace of the person who runs it."""
    for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "ARM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none.cfg"))


@pytest.fixture
def secrets():
    """What must never be seen outside a cluster."""
    return {"account-key": KEY, "client-secret": CLIENT_SECRET, "old": "b2xk"}


@pytest.fixture
def workspace(tmp_path, secrets):
    """A workspace with an account of two containers, a scope of secrets and a principal."""
    containers = {}
    for name in ("raw", "other"):
        folder = tmp_path / "storage" / name
        (folder / "flights").mkdir(parents=True)
        containers[name] = str(folder)
    return new_workspace(
        tmp_path / "workspace",
        accounts={"account": {"key": KEY, "containers": containers}},
        secrets={"storage": secrets},
        principals={"client-id": {"tenant": "tenant-id", "secret": CLIENT_SECRET}},
    )


@pytest.fixture
def cluster(workspace):
    """The workspace's cluster."""
    return Commands(workspace)


@pytest.fixture
def from_outside(cluster, monkeypatch):
    """The server by which a machine outside reaches the cluster."""
    server = Server([*identity_routes(), *cluster.routes()], tokens={TOKEN})
    with server.serving():
        monkeypatch.setenv("DATABRICKS_HOST", server.url)
        monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
        monkeypatch.setenv("DATABRICKS_CLUSTER_ID", CLUSTER)
        yield server
    assert not server.unknown


@pytest.fixture
def on_cluster(workspace, monkeypatch):
    """This process as one of the workspace's cluster."""
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")
    monkeypatch.setenv("THROUGHLINE_TEST_WORKSPACE", str(workspace))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "emulators"))
    monkeypatch.delitem(sys.modules, "databricks.sdk.runtime", raising=False)
    yield workspace
    for name in ("databricks.sdk.runtime", "dbruntime"):
        sys.modules.pop(name, None)
