import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.sources.tables import read_table, readable


@pytest.fixture
def read(spark, tmp_path):
    return lambda name: read_table(spark, str(tmp_path / name), str(tmp_path))


def test_reads_parquet_files_folders_and_globs(read, tmp_path):
    folder = tmp_path / "two words"
    folder.mkdir()
    for part in (1, 2):
        pq.write_table(pa.table({"x": [part]}), folder / f"{part}.parquet")
    for name in ("two words", "two words/*.parquet"):
        assert sorted(row.x for row in read(name).collect()) == [1, 2]
    assert [row.x for row in read("two words/1.parquet").collect()] == [1]


def test_reads_csv_and_json(read, tmp_path):
    (tmp_path / "t.csv").write_text("x,c\n1.5,a\nNA,NA\n")
    (tmp_path / "t.jsonl").write_text('{"x": 1.5, "c": "a"}\n{"c": null}\n')
    for name in ("t.csv", "t.jsonl"):
        rows = read(name).select("x", "c").collect()
        assert [tuple(row) for row in rows] == [(1.5, "a"), (None, None)]


def test_what_is_no_finite_number_is_missing(read, tmp_path):
    values = [1.0, math.nan, math.inf, -math.inf, None]
    table = pa.table({"x": values, "f": pa.array(values, pa.float32())})
    pq.write_table(table, tmp_path / "t.parquet")
    assert [tuple(row) for row in read("t.parquet").collect()] == [(1.0, 1.0), *[(None, None)] * 4]


def test_days_and_moments_without_a_zone_are_moments_in_utc(read, tmp_path):
    noon = dt.datetime(2013, 7, 1, 12)
    table = pa.table(
        {"naive": [noon], "aware": [noon.replace(tzinfo=dt.UTC)], "day": [noon.date()]}
    )
    pq.write_table(table, tmp_path / "t.parquet")
    found = read("t.parquet")
    assert {kind for _, kind in found.dtypes} == {"timestamp"}
    seconds = found.selectExpr("naive = aware as same", "cast(day as string) as day").first()
    assert tuple(seconds) == (True, "2013-07-01 00:00:00")


def test_moments_that_no_request_could_carry_are_missing(read, tmp_path):
    days = [dt.date(9999, 12, 31), dt.date(1, 1, 1), dt.date(1678, 1, 1), dt.date(2261, 12, 31)]
    moments = [dt.datetime(day.year, day.month, day.day, 23) for day in days]
    table = pa.table({"day": days, "moment": pa.array(moments, pa.timestamp("us", "UTC"))})
    pq.write_table(table, tmp_path / "t.parquet")
    rows = read("t.parquet").collect()
    assert [row.day and row.day.year for row in rows] == [None, None, 1678, 2261]
    assert [row.moment and row.moment.year for row in rows] == [None, None, 1678, 2261]


def test_decimals_are_double(read, tmp_path):
    pq.write_table(pa.table({"x": [Decimal("1.10"), None]}), tmp_path / "t.parquet")
    assert [row.x for row in read("t.parquet").collect()] == [1.1, None]


def test_odd_names_are_kept_but_for_dots_and_backticks(read, tmp_path):
    names = ["Sepal.Length", "a`b", "a b", "a'\"b", "时间", "x,;{}()=", "Case", "case"]
    pq.write_table(pa.table({name: [1] for name in names}), tmp_path / "t.parquet")
    found = read("t.parquet")
    assert found.columns == ["Sepal_Length", "a_b", *names[2:]]
    assert [tuple(row) for row in found.collect()] == [(1,) * len(names)]


def test_refuses_names_that_become_the_same(read, tmp_path):
    pq.write_table(pa.table({"a.b": [1], "a_b": [1]}), tmp_path / "t.parquet")
    with pytest.raises(UserError, match="'a.b' and 'a_b', which are the same"):
        read("t.parquet")


def test_refuses_what_is_not_there(read):
    with pytest.raises(UserError, match=r"There is no table at .*none\.parquet; give a path"):
        read("none.parquet")


def test_refuses_an_unknown_format_and_an_empty_folder(read, tmp_path):
    (tmp_path / "t.xlsx").write_text("")
    (tmp_path / "empty").mkdir()
    for name in ("t.xlsx", "empty"):
        with pytest.raises(UserError, match=r"must end in one of \.parquet"):
            read(name)


def test_a_file_that_is_no_parquet_is_named(read, tmp_path):
    (tmp_path / "t.parquet").write_text("x,c\n1,a\n")
    with pytest.raises(UserError, match=r"The file .*t\.parquet cannot be read.*replace it"):
        read("t.parquet")


def test_a_truncated_file_is_named(read, tmp_path):
    pq.write_table(pa.table({"x": list(range(10000))}), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"The file .*cut\.parquet cannot be read"):
        read("cut.parquet")


def test_a_file_with_a_good_footer_and_bad_pages_is_named_when_its_rows_are_read(read, tmp_path):
    values = np.random.default_rng(7).normal(size=20000)
    pq.write_table(pa.table({"x": values}), tmp_path / "bad.parquet", compression="snappy")
    content = bytearray((tmp_path / "bad.parquet").read_bytes())
    content[4:20000] = b"\xff" * 19996  # the pages, with their headers
    (tmp_path / "bad.parquet").write_bytes(bytes(content))
    table = read("bad.parquet")
    with (
        pytest.raises(UserError, match=r"The file .*bad\.parquet cannot be read"),
        readable("bad.parquet"),
    ):
        table.agg({"x": "sum"}).collect()


def test_nanoseconds_are_named(read, tmp_path):
    times = pa.array([0], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"t": times}), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"holds times in nanoseconds.*coerce_timestamps='us'"):
        read("t.parquet")


def test_other_errors_of_spark_stay_as_they_are(spark):
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException), readable("t"):
        spark.sql("select no_such_column")


def test_narrow_numbers_become_those_of_a_request(spark, tmp_path):
    import pandas as pd

    path = tmp_path / "narrow.parquet"
    rows = {"a": [1, 2], "b": [3, 4], "x": [0.1, 2.5]}
    types = {"a": "int16", "b": "int32", "x": "float32"}
    pd.DataFrame(rows).astype(types).to_parquet(path)
    table = read_table(spark, str(path), "unused")
    assert dict(table.dtypes) == {"a": "bigint", "b": "bigint", "x": "double"}
    assert [row["x"] for row in table.collect()] == [0.1, 2.5]
