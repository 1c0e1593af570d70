import bz2
import csv
import datetime as dt
import gzip
import io
from itertools import zip_longest

import pytest

from throughline.errors import UserError
from throughline.sources.tables import read_table


@pytest.fixture
def read(spark, tmp_path):
    def read(content, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(spark, str(path), str(tmp_path))

    return read


COLUMNS = {
    "whole": (["1", "-7", "0", "9223372036854775807"], "bigint"),
    "small": (["1", "-7", "0"], "bigint"),
    "decimal": (["1", "2.5", "-.5", "1.", "+0.5", "1e5", "-2E-3"], "double"),
    "no number": (["1.5", "NaN", "-Infinity"], "double"),
    "zip": (["10115", "01067"], "string"),
    "zero.first": (["00.5", "1"], "string"),
    "phone": (["+4930123", "+4940456"], "string"),
    "signed": (["-1", "+2.5"], "double"),
    "long digits": (["1", "9223372036854775808"], "string"),
    "ids like numbers": (["12d", "1F"], "string"),
    "exponents": (["1e5", "1e6"], "double"),
    "yes": (["true", "False", "TRUE"], "boolean"),
    "clock": (["05:30", "17:45"], "string"),
    "score": (["1:2", "3:4"], "string"),
    "yes and 1": (["true", "1"], "string"),
    "day": (["2013-01-01", "2013-01-02"], "timestamp"),
    "moment": (["2013-01-01 05:00:00", "2013-01-01T05:00:00Z", "2013-01-01T00:00:00.5-05:00"],
               "timestamp"),
    "no day": (["2013-02-30", "2013-01-01"], "string"),
    "year": (["2013", "2014"], "bigint"),
    "text": (["1", "a"], "string"),
    "dashes": (["1-2", "3"], "string"),
    "missing": (["NA", ""], "string"),
    "some missing": (["NA", "", "3"], "bigint"),
    "a`b": (["x"], "string"),
}  # fmt: skip


def test_a_column_is_of_a_type_if_all_its_values_are(read):
    text = io.StringIO()
    lines = zip_longest(*[values for values, _ in COLUMNS.values()], fillvalue="NA")
    csv.writer(text).writerows([COLUMNS, *lines])
    found = read(text.getvalue())
    names = [name.replace(".", "_").replace("`", "_") for name in COLUMNS]
    assert found.dtypes == list(zip(names, (kind for _, kind in COLUMNS.values()), strict=True))
    values = {name: [row[name] for row in found.collect()] for name in names}
    assert values["whole"][3] == 9223372036854775807
    assert values["decimal"] == [1, 2.5, -0.5, 1, 0.5, 1e5, -2e-3]
    assert values["zip"][:2] == ["10115", "01067"]
    assert values["yes"][:3] == [True, False, True]
    assert set(values["missing"]) == {None}
    assert values["no number"][:3] == [1.5, None, None]
    five = dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC).timestamp()
    seconds = found.selectExpr("cast(moment as double) as s").collect()
    assert [row.s for row in seconds][:3] == [five, five, five + 0.5]


def rows(table):
    return [tuple(row) for row in table.collect()]


def test_zip_codes_and_long_digits_stay_text(read):
    found = read("zip,account,x,at\n01067,12345678901234567890,1,2013-01-01\n10115,2,2.5,NA\n")
    types = ["string", "string", "double", "timestamp"]
    assert found.dtypes == list(zip(["zip", "account", "x", "at"], types, strict=True))
    assert [row[:3] for row in rows(found)] == [
        ("01067", "12345678901234567890", 1.0),
        ("10115", "2", 2.5),
    ]


def test_one_late_value_decides_for_every_file(spark, tmp_path, read):
    for part in range(3):
        read("id,x\n" + f"{part},{part}\n" * 50, f"{part}.csv")
    read("id,x\n07,1.5\n", "3.csv")
    found = read_table(spark, str(tmp_path / "*.csv"), "unused")
    assert found.dtypes == [("id", "string"), ("x", "double")]
    assert found.count() == 151


def test_quotes_commas_and_line_ends_within_fields(read):
    text = 'a,b,c\n1,"x, ""y""",2\n3,"two\nlines",4\n5,6,"three\n\nlines"\n'
    assert rows(read(text)) == [
        (1, 'x, "y"', "2"),
        (3, "two\nlines", "4"),
        (5, "6", "three\n\nlines"),
    ]


@pytest.mark.parametrize(
    "text", ['a\n"x\ny"\n', 'a,b\n1,"x\ny,z"\n', 'a,b\r\n"x\r\ny",1\r\n', 'a,b,c\n1,"x,\ny",3\n']
)
def test_records_over_several_lines_are_never_cut(read, text):
    (row,) = rows(read(text))
    assert any("\n" in str(value) for value in row)


def test_inches_are_no_open_quotes(read):
    assert rows(read('a,b\n6" pipe,1\n7,2\n')) == [('6" pipe', 1), ("7", 2)]


@pytest.mark.parametrize("lines", ["1,2", '1,"2\n"'])
def test_a_byte_order_mark_is_no_part_of_a_name(read, lines):
    assert read(f"\ufeffa,b\n{lines}\n".encode()).columns == ["a", "b"]


@pytest.mark.parametrize(("name", "pack"), [("t.csv.gz", gzip), ("t.csv.bz2", bz2)])
def test_packed_files(read, name, pack):
    assert rows(read(pack.compress(b"a,b\n1,x\n"), name)) == [(1, "x")]


def test_names_with_spaces_and_without(read):
    found = read('"odd name", padded ,"say ""x""",时间,a.b,\n1,2,3,4,5,6\n')
    assert found.columns == ["odd name", "padded", 'say "x"', "时间", "a_b", "_c5"]
    assert rows(found) == [(1, 2, 3, 4, 5, 6)]


def test_missing_values_and_empty_lines(read):
    found = read('a,b\nNA, x \n,"NA"\n\n 3,""\n  ," y"\n')
    assert rows(found) == [(None, "x"), (None, None), (3, None), (None, " y")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c\n1,2\n1,2,3,4\n1,2,3\n", r"2 records whose number .* header's \(3\), .* '1,2"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", "no header line: its first line is 5.1, 3.5, setosa"),
        ("1,2\n3,4\n", "seems to have no header line"),
        ("a;b\n1;2\n", "seems to be separated by ';'"),
        ("a\tb\n1\t2\n", "seems to be separated by"),
        ("a,b,a\n1,2,3\n", "several columns 'a'"),
        ("", "is empty"),
    ],
)
def test_refuses_what_is_no_table_in_a_sentence(read, text, message):
    with pytest.raises(UserError, match=message):
        read(text)


def test_a_header_alone_is_an_empty_table(read):
    found = read("a,b\n")
    assert found.columns == ["a", "b"] and found.count() == 0


def test_refuses_files_with_their_columns_in_another_order(spark, tmp_path, read):
    read("a,b\n1,2\n", "1.csv")
    read("b,a\n1,2\n", "2.csv")
    with pytest.raises(UserError, match=r"\*\.csv have different header lines"):
        read_table(spark, str(tmp_path / "*.csv"), "unused")
