import datetime as dt
import math

import pytest

from throughline.report.profile import LONGEST, profile_of
from throughline.splitting.splitting import SPLIT

ODD = 'odd."name" `时间`'


@pytest.fixture(scope="module")
def table(spark):
    moment = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
    rows = [
        ("train", 1.0, "a", "A", 1, moment, True, [1]),
        ("train", math.nan, None, "x" * 500, None, None, None, None),
        ("test", None, "b", "B", 3, moment, False, [2]),
        (None, 5.0, "c", "C", 4, moment, False, [3]),
    ]
    types = (
        f"{SPLIT} string, x double, `{ODD.replace('`', '``')}` string, X string, n int, "
        "t timestamp, b boolean, list array<int>"
    )
    return spark.createDataFrame(rows, types)


@pytest.fixture(scope="module")
def profile(table):
    return profile_of(table)


def test_rows_and_missing_values_are_counted_per_part(profile):
    assert profile.rows == {"train": 2, "validation": 0, "test": 1}
    assert profile.missing["x"] == {"train": 1, "validation": 0, "test": 1}  # NaN is missing
    assert profile.missing[ODD] == {"train": 1, "validation": 0, "test": 0}
    assert profile.missing["X"] == {"train": 0, "validation": 0, "test": 0}
    assert profile.missing["list"] == {"train": 1, "validation": 0, "test": 0}


def test_the_sample_has_numbers_and_short_texts(profile):
    train = profile.sample["train"].to_dict(as_series=False)
    assert sorted(train["X"]) == ["A", "x" * LONGEST]
    del train["X"]
    assert {name: values[0] for name, values in train.items()} == {
        "x": 1.0,
        ODD: "a",
        "n": 1.0,
        "t": dt.datetime(2013, 1, 1, tzinfo=dt.UTC).timestamp(),
        "b": "true",
    }
    assert all(values[1] is None for values in train.values())
    assert profile.sample["validation"].height == 0
    assert profile.types["list"] == ""


def test_the_sample_is_bounded_and_the_same_each_time(spark):
    rows = spark.range(4000).selectExpr(f"if(id < 3000, 'train', 'test') {SPLIT}", "id")
    first, again = (profile_of(rows, most=500).sample for _ in range(2))
    assert 350 < first["train"].height < 650
    assert 350 < first["test"].height < 650
    assert first["train"]["id"].max() > 2500  # from everywhere, not the first rows
    assert first["train"].equals(again["train"])
