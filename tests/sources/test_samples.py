import zipfile

import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.sources.samples import sample_as_parquet


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package that cannot be imported, with two tables."""
    data = tmp_path / "samplepkg" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (data / "plain.csv").write_text("x,c,t\n1,NA,2013-01-01T05:00:00Z\nNA,b,\n")
    with zipfile.ZipFile(data / "zipped.csv.zip", "w") as archive:
        archive.writestr("zipped.csv", "x\n1\n2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return data


@pytest.mark.parametrize("table", ["plain", "zipped"])
def test_converts_once_without_importing_the_package(package, tmp_path, table):
    path = sample_as_parquet(f"sample:samplepkg/{table}", tmp_path / "root")
    assert pq.read_table(path).num_rows == 2
    before = path.stat().st_mtime_ns
    assert sample_as_parquet(f"sample:samplepkg/{table}", tmp_path / "root") == path
    assert path.stat().st_mtime_ns == before
    assert list(path.parent.iterdir()) == [path]


def test_types_and_missing_values(package, tmp_path):
    table = pq.read_table(sample_as_parquet("sample:samplepkg/plain", tmp_path))
    assert table["x"].to_pylist() == [1, None]
    assert table["c"].to_pylist() == [None, "b"]
    assert str(table.schema.field("t").type) == "timestamp[us, tz=UTC]"


def test_a_changed_file_is_converted_again(package, tmp_path):
    first = sample_as_parquet("sample:samplepkg/plain", tmp_path)
    (package / "plain.csv").write_text("x\n1\n2\n3\n")
    second = sample_as_parquet("sample:samplepkg/plain", tmp_path)
    assert second != first
    assert pq.read_table(second).num_rows == 3


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("sample:nosuchpackage/flights", "in the package 'nosuchpackage': install it"),
        ("sample:../etc/passwd", "install it"),
        ("sample:samplepkg/plane", "not in the package; did you mean 'plain'"),
        ("sample:samplepkg", "not in the package"),
    ],
)
def test_refuses_what_is_not_there(package, tmp_path, reference, message):
    with pytest.raises(UserError, match=message):
        sample_as_parquet(reference, tmp_path)
