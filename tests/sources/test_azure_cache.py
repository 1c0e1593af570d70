import logging
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.emulators.azurite import ACCOUNT, KEY, azurite
from throughline.errors import UserError
from throughline.sources.azure_blobs import BlobContainer
from throughline.sources.azure_cache import local_copy
from throughline.sources.azure_uri import AzureUri
from throughline.sources.formats import format_of
from throughline.sources.tables import read_table

CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("azurite") / "data"
    data.mkdir()
    with azurite(data) as connection:
        yield connection


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch, tmp_path):
    """No test finds credentials of the person who runs it."""
    for name in [name for name in os.environ if name.startswith(("AZURE_", "IDENTITY_", "MSI_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))


@pytest.fixture
def container(server, request, monkeypatch):
    """A new container, with the account's credentials in the environment."""
    from azure.storage.blob import BlobServiceClient

    monkeypatch.setenv(CONNECTION, server)
    name = f"c{abs(hash(request.node.name)):x}"
    return BlobServiceClient.from_connection_string(server).create_container(name)


@pytest.fixture
def uri(container):
    return lambda path: f"abfss://{container.container_name}@{ACCOUNT}.dfs.core.windows.net/{path}"


def put_rows(container, name, *values):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": list(values)}), sink)
    container.upload_blob(name, sink.getvalue().to_pybytes(), overwrite=True)


def test_spark_reads_a_table_in_azure_storage(spark, container, uri, tmp_path):
    put_rows(container, "flights/part-1.parquet", 1, 2)
    put_rows(container, "flights/part-2.parquet", 3)
    put_rows(container, "flights2/part-3.parquet", 4)
    container.upload_blob("flights/_SUCCESS", b"")
    expected = {
        uri("flights/*.parquet"): [1, 2, 3],
        uri("flights"): [1, 2, 3],
        uri("flights/part-1.parquet"): [1, 2],
        uri("*/part-[23].parquet"): [3, 4],
        uri("flights?/*"): [4],
        f"wasbs://{container.container_name}@{ACCOUNT}.blob.core.windows.net/flights/": [1, 2, 3],
    }
    for path, rows in expected.items():
        table = read_table(spark, path, str(tmp_path))
        assert sorted(row.x for row in table.collect()) == rows, path


def test_partitions(spark, container, uri, tmp_path):
    put_rows(container, "table/day=1/a.parquet", 1)
    put_rows(container, "table/day=2/a.parquet", 2)
    rows = read_table(spark, uri("table"), str(tmp_path)).select("x", "day").collect()
    assert sorted(map(tuple, rows)) == [(1, 1), (2, 2)]


def test_the_format_of_a_copy_is_that_of_the_table(container, uri, tmp_path):
    container.upload_blob("rows.csv", b"x\n1\n")
    container.upload_blob("more/rows.jsonl", b'{"x": 1}\n')
    assert format_of(local_copy(uri("rows.csv"), tmp_path)) == "csv"
    assert format_of(local_copy(uri("more/*.jsonl"), tmp_path)) == "json"
    assert format_of(local_copy(uri("more"), tmp_path)) == "json"


def test_a_delta_table(spark, container, uri, tmp_path):
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(str(tmp_path / "made"), pa.table({"x": [1, 2]}))
    deltalake.write_deltalake(str(tmp_path / "made"), pa.table({"x": [3]}), mode="overwrite")
    for file in (tmp_path / "made").rglob("*"):
        if file.is_file():
            name = f"delta/{file.relative_to(tmp_path / 'made')}"
            container.upload_blob(name, file.read_bytes())
    rows = read_table(spark, uri("delta"), str(tmp_path / "root")).collect()
    assert [row.x for row in rows] == [3]


def downloads(caplog):
    return [r.getMessage() for r in caplog.records if r.getMessage().startswith("downloading")]


def test_only_what_changed_is_downloaded_again(container, uri, tmp_path, caplog):
    caplog.set_level(logging.INFO, "throughline")
    put_rows(container, "t/1.parquet", 1)
    put_rows(container, "t/2.parquet", 2)
    first = local_copy(uri("t"), tmp_path)
    assert local_copy(uri("t"), tmp_path) == first
    assert len(downloads(caplog)) == 1 and "2 of the 2 files" in downloads(caplog)[0]

    put_rows(container, "t/2.parquet", 20)
    second = local_copy(uri("t"), tmp_path)
    assert len(downloads(caplog)) == 2 and "1 of the 2 files" in downloads(caplog)[1]
    container.delete_blob("t/1.parquet")
    third = local_copy(uri("t"), tmp_path)
    assert len(downloads(caplog)) == 2

    def values(folder):
        return {p.name: pq.read_table(p)["x"].to_pylist() for p in Path(folder).iterdir()}

    assert values(first) == {"1.parquet": [1], "2.parquet": [2]}, "a reader keeps what it opened"
    assert values(second) == {"1.parquet": [1], "2.parquet": [20]}
    assert values(third) == {"2.parquet": [20]}


def test_a_download_that_is_interrupted_leaves_nothing_to_be_seen(
    container, uri, tmp_path, monkeypatch
):
    container.upload_blob("t/1.csv", b"x\n" + b"1\n" * 1000)
    container.upload_blob("t/2.csv", b"x\n2\n")
    whole = BlobContainer.chunks

    def cut(self, blob):
        for chunk in whole(self, blob):
            yield chunk[:10]
            if blob.name == "t/1.csv":
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(BlobContainer, "chunks", cut)
        with pytest.raises(KeyboardInterrupt):
            local_copy(uri("t/1.csv"), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    copy = Path(local_copy(uri("t"), tmp_path))
    assert (copy / "1.csv").stat().st_size == 2002


def test_a_blob_that_changes_while_it_is_read_is_told(container, uri, monkeypatch):
    put_rows(container, "t/1.parquet", 1)
    opened = BlobContainer(AzureUri.parse(uri("")))
    (blob,) = opened.matching("t")
    put_rows(container, "t/1.parquet", 2)
    with pytest.raises(UserError, match="was changed while it was read; run the step again"):
        b"".join(opened.chunks(blob))
    container.delete_blob("t/1.parquet")
    with pytest.raises(UserError, match="was changed while it was read; run the step again"):
        b"".join(opened.chunks(blob))


def test_empty_blobs_and_marks_of_folders(container, uri, tmp_path):
    container.upload_blob("t", b"", metadata={"hdi_isfolder": "true"})
    container.upload_blob("t/empty.csv", b"")
    container.upload_blob("t/full.csv", b"x\n1\n")
    copy = Path(local_copy(uri("t"), tmp_path))
    assert sorted((p.name, p.stat().st_size) for p in copy.iterdir()) == [
        ("empty.csv", 0),
        ("full.csv", 4),
    ]


def test_a_whole_container(container, uri, tmp_path):
    container.upload_blob("a.csv", b"x\n1\n")
    assert [p.name for p in Path(local_copy(uri(""), tmp_path)).iterdir()] == ["a.csv"]


def test_a_name_that_is_no_path_is_refused(container, uri, tmp_path):
    container.upload_blob("t//a.csv", b"x\n1\n")
    with pytest.raises(UserError, match="has a name that is no path here; rename it"):
        local_copy(uri("t"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_many_files_at_a_time(container, uri, tmp_path):
    for number in range(40):
        container.upload_blob(f"t/{number}.csv", b"x\n" + b"1\n" * number)
    copy = Path(local_copy(uri("t"), tmp_path))
    assert {int(p.stem): p.stat().st_size for p in copy.iterdir()} == {
        number: 2 + 2 * number for number in range(40)
    }


def test_what_is_not_there_is_told(uri, tmp_path):
    with pytest.raises(UserError, match=r"There is no blob at abfss://.*/none/\*\.csv; check"):
        local_copy(uri("none/*.csv"), tmp_path)
    with pytest.raises(UserError, match=rf"The storage account {ACCOUNT} has no container none;"):
        local_copy(f"abfss://none@{ACCOUNT}.dfs.core.windows.net/x.csv", tmp_path)


def test_a_wrong_key_is_told_without_it(uri, server, tmp_path, monkeypatch):
    wrong = "d3Jvbmcga2V5IG9mIHRoZSB0ZXN0cw=="
    for key in (wrong, "no key at all"):
        monkeypatch.setenv(CONNECTION, server.replace(KEY, key))
        with pytest.raises(UserError, match=f"{ACCOUNT} refuses what {CONNECTION} gives") as caught:
            local_copy(uri("x.csv"), tmp_path)
        assert key not in str(caught.value)


def test_a_connection_string_of_another_account_or_of_no_form_is_told(uri, tmp_path, monkeypatch):
    monkeypatch.setenv(CONNECTION, f"AccountName=other;AccountKey={KEY}")
    with pytest.raises(UserError, match=rf"account {ACCOUNT}, and {CONNECTION} is for other;"):
        local_copy(uri("x.csv"), tmp_path)
    monkeypatch.setenv(CONNECTION, KEY)
    with pytest.raises(UserError, match=f"{CONNECTION} is no connection string") as caught:
        local_copy(uri("x.csv"), tmp_path)
    assert KEY not in str(caught.value)


def test_a_sas_token_reads(uri, server, container, tmp_path, monkeypatch):
    import datetime as dt

    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    container.upload_blob("a.csv", b"x\n1\n")

    def connection(hours):
        token = generate_account_sas(
            ACCOUNT,
            KEY,
            ResourceTypes(container=True, object=True),
            AccountSasPermissions(read=True, list=True),
            dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours),
        )
        endpoint = server.rpartition("BlobEndpoint=")[2]
        return f"BlobEndpoint={endpoint}SharedAccessSignature={token}"

    monkeypatch.setenv(CONNECTION, connection(1))
    assert Path(local_copy(uri("a.csv"), tmp_path)).read_bytes() == b"x\n1\n"
    monkeypatch.setenv(CONNECTION, connection(-1))
    with pytest.raises(UserError, match="refuses what") as caught:
        local_copy(uri("a.csv"), tmp_path)
    assert "sig=" not in str(caught.value)


def test_without_credentials_one_sentence_comes_soon(tmp_path):
    started = time.monotonic()
    with pytest.raises(UserError, match="There are no credentials that work for the storage acc"):
        local_copy("abfss://raw@nowhere.dfs.core.windows.net/x.csv", tmp_path)
    assert time.monotonic() - started < 60


def test_an_account_that_does_not_answer_is_told_soon(tmp_path, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", KEY)
    started = time.monotonic()
    with pytest.raises(UserError, match="nowhere does not answer at https://nowhere") as caught:
        local_copy("abfss://raw@nowhere.dfs.invalid/x.csv", tmp_path)
    assert time.monotonic() - started < 60
    assert KEY not in str(caught.value)


def test_dbfs_is_told_to_be_elsewhere(spark, tmp_path):
    with pytest.raises(UserError, match="is on DBFS, which only a cluster of Databricks reaches"):
        read_table(spark, "dbfs:/mnt/raw/x.parquet", str(tmp_path))


def test_outputs_go_only_where_spark_can_write(spark, tmp_path):
    from throughline.spark import check_writable

    check_writable(spark, str(tmp_path))
    check_writable(spark, tmp_path.as_uri())
    with pytest.raises(UserError, match="Spark has no connector for abfss:// here and cannot wri"):
        check_writable(spark, "abfss://raw@account.dfs.core.windows.net/data")
