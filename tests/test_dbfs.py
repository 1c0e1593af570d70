"""Paths on a cluster of Databricks; what is said of Spark's is Databricks' documentation."""

import pytest

from throughline.dbfs import for_python, for_spark
from throughline.errors import UserError
from throughline.outputs import Output


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")


@pytest.mark.parametrize(
    ("root", "uri"),
    [
        ("dbfs:/throughline", "file:///dbfs/throughline"),
        ("/dbfs/throughline/", "file:///dbfs/throughline"),
        ("/Volumes/main/ml/files", "/Volumes/main/ml/files"),
        (
            "abfss://box@account.dfs.core.windows.net/x",
            "abfss://box@account.dfs.core.windows.net/x",
        ),
    ],
)
def test_a_data_root_on_a_cluster_is_one_place_for_spark_and_python(cluster, root, uri):
    assert Output.below(root, "prepared").uri == f"{uri}/prepared"


def test_elsewhere_paths_stay_as_they_are(tmp_path):
    assert Output.below(str(tmp_path)).uri == str(tmp_path)
    assert for_spark("/dbfs/x") == for_python("/dbfs/x") == "/dbfs/x"


def test_dbfs_is_on_a_cluster_only():
    with pytest.raises(UserError, match="dbfs:/x is on DBFS, which only a cluster"):
        Output.below("dbfs:/x")
