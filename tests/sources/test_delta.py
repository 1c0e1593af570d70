import datetime as dt
import json
import sys

import pyarrow as pa
import pytest

from throughline.errors import UserError
from throughline.sources.tables import read_table

deltalake = pytest.importorskip("deltalake")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a table"


@pytest.fixture
def read(spark, path):
    return lambda: read_table(spark, str(path), "unused")


def change_log(path, change):
    """Changes the metadata and the protocol of the first version."""
    log = path / "_delta_log" / "00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        change(action)
    log.write_text("\n".join(map(json.dumps, actions)) + "\n")


def test_reads_the_newest_version_only(read, path):
    deltalake.write_deltalake(str(path), pa.table({"x": [1, 2]}))
    deltalake.write_deltalake(str(path), pa.table({"x": [3]}), mode="overwrite")
    deltalake.write_deltalake(str(path), pa.table({"x": [4]}), mode="append")
    assert len(list(path.glob("*.parquet"))) == 3
    assert sorted(row.x for row in read().collect()) == [3, 4]
    deltalake.DeltaTable(str(path)).delete("x = 3")
    assert [row.x for row in read().collect()] == [4]


def test_a_partitioned_table_keeps_its_types(read, path):
    day = dt.date(2013, 7, 1)
    table = pa.table(
        {
            "zip": ["01067", "a/b c=d%", None],
            "day": pa.array([day, day, None], pa.date32()),
            "x": [1.5, 2.5, 3.5],
        }
    )
    deltalake.write_deltalake(str(path), table, partition_by=["zip", "day"])
    found = read()
    assert dict(found.dtypes) == {"zip": "string", "day": "timestamp", "x": "double"}
    rows = {row.zip: row.x for row in found.collect()}
    assert rows == {"01067": 1.5, "a/b c=d%": 2.5, None: 3.5}
    assert found.where("day is null").count() == 1


def test_moments_with_and_without_a_zone(read, path):
    noon = dt.datetime(2013, 7, 1, 12)
    naive, aware = pa.timestamp("us"), pa.timestamp("us", "UTC")
    table = pa.table({"naive": pa.array([noon], naive), "aware": pa.array([noon], aware)})
    deltalake.write_deltalake(str(path), table)
    found = read()
    assert {kind for _, kind in found.dtypes} == {"timestamp"}
    assert found.where("naive = aware and hour(aware) = 12").count() == 1


def test_a_column_that_came_later_is_missing_before(read, path):
    deltalake.write_deltalake(str(path), pa.table({"x": [1]}))
    more = pa.table({"x": [2], "y": ["b"]})
    deltalake.write_deltalake(str(path), more, mode="append", schema_mode="merge")
    assert sorted(tuple(row) for row in read().collect()) == [(1, None), (2, "b")]


def test_an_emptied_table_has_its_columns(read, path):
    deltalake.write_deltalake(str(path), pa.table({"x": [1]}))
    deltalake.DeltaTable(str(path)).delete()
    assert read().columns == ["x"] and read().count() == 0


MAPPED = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}


@pytest.mark.parametrize(
    ("protocol", "settings", "message"),
    [
        (
            {
                **{"minReaderVersion": 3, "readerFeatures": ["deletionVectors"]},
                **{"minWriterVersion": 7, "writerFeatures": ["deletionVectors"]},
            },
            {"delta.enableDeletionVectors": "true"},
            "uses deletionVectors, which",
        ),
        (
            {"minReaderVersion": 2, "minWriterVersion": 5},
            {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"},
            "uses columnMapping",
        ),
    ],
)
def test_refuses_what_plain_files_do_not_tell(read, path, protocol, settings, message):
    def change(action):
        if "protocol" in action:
            action["protocol"] = protocol
        if "metaData" in action:
            action["metaData"]["configuration"] = settings
            schema = json.loads(action["metaData"]["schemaString"])
            schema["fields"][0]["metadata"] = MAPPED
            action["metaData"]["schemaString"] = json.dumps(schema)

    deltalake.write_deltalake(str(path), pa.table({"x": [1]}))
    change_log(path, change)
    with pytest.raises(UserError, match=f"a table {message}"):
        read()


def test_a_damaged_log_is_named(read, path):
    (path / "_delta_log").mkdir(parents=True)
    (path / "_delta_log" / "00000000000000000000.json").write_text("nonsense\n")
    with pytest.raises(UserError, match=r"The Delta table .*a table cannot be read: "):
        read()


def test_says_what_to_install(read, path, monkeypatch):
    deltalake.write_deltalake(str(path), pa.table({"x": [1]}))
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(UserError, match="install the package deltalake"):
        read()
