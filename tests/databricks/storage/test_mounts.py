import json
import time

import pytest

from tests.emulators.databricks.dbutils import Dbutils
from tests.emulators.databricks.identity import TOKEN
from tests.sleeping import instead_of_sleeping
from throughline.databricks.mounts import mount
from throughline.errors import UserError

RAW = "wasbs://raw@account.blob.core.windows.net"
LAKE = "abfss://raw@account.dfs.core.windows.net"
SECRET = ("storage", "account-key")


@pytest.fixture(params=["from_outside", "on_cluster"])
def anywhere(request, workspace):
    """The workspace, from outside and from its cluster."""
    request.getfixturevalue(request.param)
    return workspace


def mounts_of(workspace):
    return {m.mountPoint: m.source for m in Dbutils(workspace).fs.mounts() if "mnt" in m.mountPoint}


def state_of(workspace):
    return json.loads((workspace / "workspace.json").read_text())


def test_mounts_what_is_missing_and_leaves_what_is_there(anywhere, monkeypatch):
    (anywhere.parent / "storage" / "raw" / "flights" / "rows.csv").write_text("x\n1\n")
    assert mount(f"{RAW}/flights", "/mnt/raw", *SECRET) == "dbfs:/mnt/raw"
    assert mounts_of(anywhere) == {"/mnt/raw": f"{RAW}/flights"}
    assert (anywhere / "dbfs/mnt/raw/rows.csv").read_text() == "x\n1\n"
    before = (anywhere / "workspace.json").stat().st_mtime_ns
    assert mount(f"{RAW}/flights/", "dbfs:/mnt/raw/", *SECRET) == "dbfs:/mnt/raw"
    assert (anywhere / "workspace.json").stat().st_mtime_ns == before


def test_a_mount_whose_source_changed_is_made_anew(anywhere):
    mount(RAW, "/mnt/raw", *SECRET)
    other = RAW.replace("raw@", "other@")
    mount(other, "/mnt/raw", *SECRET)
    assert mounts_of(anywhere) == {"/mnt/raw": other}
    mount(RAW, "/mnt/second", *SECRET)
    assert mounts_of(anywhere) == {"/mnt/raw": other, "/mnt/second": RAW}


def test_a_service_principal_mounts_a_data_lake(anywhere):
    who = {"client": "client-id", "tenant": "tenant-id"}
    mount(f"{LAKE}/flights", "/mnt/lake", "storage", "client-secret", **who)
    assert mounts_of(anywhere) == {"/mnt/lake": f"{LAKE}/flights"}


@pytest.mark.parametrize("place", ["dbfs:/raw", "/Volumes/main/default/raw"])
def test_what_needs_no_mount_is_left_as_it_is(place):
    assert mount(f"{place}/", "/mnt/raw", "", "") == place


@pytest.mark.parametrize(
    ("source", "point", "secret", "sentence"),
    [
        (RAW, "/mnt/raw", ("storage", "old"), "Server failed to authenticate the request"),
        (RAW, "/mnt/raw", ("storage", "none"), "Secret does not exist with scope: storage"),
        (RAW, "/mnt/raw", ("none", "x"), "with the secret 'x' of the scope 'none': Secret does"),
        (RAW.replace("raw@", "none@"), "/mnt/raw", SECRET, "Container none in account account"),
    ],
)
def test_what_the_cluster_refuses_is_said_in_one_sentence(
    anywhere, source, point, secret, sentence
):
    with pytest.raises(UserError, match=sentence) as caught:
        mount(source, point, *secret)
    assert source in str(caught.value)
    assert "calling o" not in str(caught.value)
    assert "Exception" not in str(caught.value)
    assert mounts_of(anywhere) == {}


def test_a_mount_that_cannot_be_changed_stays(anywhere):
    mount(RAW, "/mnt/raw", *SECRET)
    with pytest.raises(UserError, match="cannot be mounted at /mnt/raw"):
        mount(RAW.replace("raw@", "other@"), "/mnt/raw", "storage", "old")
    assert mounts_of(anywhere) == {"/mnt/raw": RAW}


def test_mounts_in_each_other_are_refused(anywhere):
    mount(RAW, "/mnt/raw", *SECRET)
    for point in ("/mnt", "/mnt/raw/inside"):
        with pytest.raises(UserError, match=rf"{point} and the existing one /mnt/raw lie in each"):
            mount(RAW, point, *SECRET)
    mount(RAW, "/mnt/raw2", *SECRET)


@pytest.mark.parametrize(
    ("source", "point", "sentence"),
    [
        (LAKE, "/mnt/raw", r"service principal only.*\{\{secrets/storage/account-key\}\}"),
        ("s3://bucket", "/mnt/raw", "s3://bucket cannot be mounted; give wasbs"),
        ("wasbs://raw", "/mnt/raw", "wasbs://raw is no place in Azure storage; write abfss"),
        (RAW.replace("wasbs", "wasb"), "/mnt/raw", "without encryption; write wasbs:"),
        (f"{RAW}/x?sv=1&sig=secret", "/mnt/raw", "carries a SAS token"),
        (RAW, "mnt/raw", "'mnt/raw' is no path of the Databricks file system"),
        (RAW, "/mnt/../raw", "is no path of the Databricks"),
        (RAW, "/", "is no path of the Databricks"),
    ],
)
def test_what_cannot_be_mounted_is_refused_before_a_cluster_is_asked(source, point, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        mount(source, point, *SECRET)
    assert "sig=" not in str(caught.value)


def test_from_outside_no_secret_leaves_the_cluster(from_outside, secrets, caplog):
    with caplog.at_level("DEBUG"):
        mount(RAW, "/mnt/raw", *SECRET)
        mount(LAKE, "/mnt/lake", "storage", "client-secret", client="client-id", tenant="tenant-id")
    sent = "\n".join(str(request) for request in from_outside.requests)
    for secret in secrets.values():
        assert secret not in sent
        assert secret not in caplog.text
    (command, *_) = [
        request.json["command"]
        for request in from_outside.requests
        if request.path == "/api/1.2/commands/execute" and "fs.mount(" in request.json["command"]
    ]
    assert "dbutils.secrets.get('storage', 'account-key')" in command


def test_on_the_cluster_no_error_shows_the_key(on_cluster, secrets, monkeypatch, caplog):
    def told(*_, extra_configs, **__):
        raise RuntimeError(f"java.lang.RuntimeException: bad settings {extra_configs}")

    monkeypatch.setattr("tests.emulators.databricks.dbutils.FileSystem.mount", told)
    with caplog.at_level("DEBUG"), pytest.raises(UserError, match=r"bad settings.*REDACTED") as c:
        mount(RAW, "/mnt/raw", *SECRET)
    assert secrets["account-key"] not in str(c.value) + caplog.text


def test_the_context_on_the_cluster_is_ended(from_outside, cluster):
    mount(RAW, "/mnt/raw", *SECRET)
    with pytest.raises(UserError):
        mount(RAW, "/mnt/other", "storage", "none")
    assert cluster.contexts == {}


def test_odd_names_reach_the_cluster_as_they_are(from_outside, workspace):
    odd = '/mnt/it\'s "odd"\\n'
    with pytest.raises(UserError, match="Secret does not exist with scope: a'b"):
        mount(RAW, odd, "a'b", 'c"d')
    mount(RAW, odd, *SECRET)
    assert mounts_of(workspace) == {odd: RAW}


def test_the_sdks_own_dbutils_sees_the_same_mounts(from_outside):
    """The emulator's contract is the real client's."""
    from databricks.sdk import WorkspaceClient

    mount(RAW, "/mnt/raw", *SECRET)
    found = WorkspaceClient().dbutils.fs
    assert ("/mnt/raw", RAW, "") in found.mounts()
    assert found.unmount("/mnt/raw") is True
    assert "/mnt/raw" not in [m.mountPoint for m in found.mounts()]


def test_a_cluster_that_is_off_is_started(from_outside, cluster, workspace, monkeypatch):
    monkeypatch.setattr(time, "sleep", instead_of_sleeping(lambda: None))
    cluster.state = "TERMINATED"
    mount(RAW, "/mnt/raw", *SECRET)
    assert [r.path for r in from_outside.requests].count("/api/2.1/clusters/start") == 1
    assert mounts_of(workspace) == {"/mnt/raw": RAW}


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("TOKEN", "wrong", r"does not allow it \(Invalid access token\); check DATABRICKS_TOKEN"),
        ("HOST", "http://127.0.0.1:9", "does not answer; check DATABRICKS_HOST"),
        ("CLUSTER_ID", "none", "Cluster none does not exist"),
        ("CLUSTER_ID", "", "Mounts are made by a cluster, and none is named; set DATABRICKS_CL"),
        ("TOKEN", "", "No Databricks workspace is configured; set DATABRICKS_HOST and"),
        ("HOST", "", "No Databricks workspace is configured; set DATABRICKS_HOST and"),
    ],
)
def test_a_workspace_that_cannot_be_reached_is_told_soon(
    from_outside, monkeypatch, setting, value, sentence
):
    monkeypatch.setenv(f"DATABRICKS_{setting}", value)
    started = time.monotonic()
    with pytest.raises(UserError, match=sentence) as caught:
        mount(RAW, "/mnt/raw", *SECRET)
    assert time.monotonic() - started < 30
    assert TOKEN not in str(caught.value)


def test_a_cluster_in_error_is_told(from_outside, cluster):
    cluster.state = "ERROR"
    with pytest.raises(UserError, match=r"Cluster tests is .*ERROR.*; set DATABRICKS_CLUSTER"):
        mount(RAW, "/mnt/raw", *SECRET)
