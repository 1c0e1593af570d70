import zlib

import pytest

from throughline.errors import UserError
from throughline.features.hash import FittedHash, Hash

ODD = '时间 d\'é "x"'


def test_the_same_bucket_on_both_engines_and_one_for_missing(both):
    values = ["N14228", "", "é", "时间", "\x00", "a" * 10_000, "N14228", None]
    fitted = both.fit(Hash(columns=(ODD,), buckets=7), {ODD: values})
    read = FittedHash.model_validate_json(fitted.model_dump_json())
    wanted = [7 if value is None else zlib.crc32(value.encode()) % 7 for value in values]
    assert both.apply(read, {ODD: values}) == {ODD: [float(code) for code in wanted]}


def test_crc_32_is_the_well_known_one(both):
    fitted = FittedHash(columns=("c",), buckets=65_536)
    assert both.apply(fitted, {"c": ["123456789"]}) == {"c": [float(0xCBF43926 % 65_536)]}


def test_whole_numbers_are_hashed_as_their_text(both):
    fitted = both.fit(Hash(columns=("n",), buckets=100), {"n": [1]})
    found = both.apply(fitted, {"n": [12, -(2**60), None]})["n"]
    assert found == [zlib.crc32(b"12") % 100, zlib.crc32(b"-1152921504606846976") % 100, 100]


def test_only_missing_values(both):
    fitted = both.fit(Hash(columns=("c",), buckets=3), {"c": [None]}, c="string")
    assert fitted.categories() == {"c": (4, "embed")}
    assert both.apply(fitted, {"c": [None, None]}, c="string") == {"c": [3.0, 3.0]}
    assert fitted.describe() == {"c": "3 buckets by CRC-32, one more if missing"}


def test_codes_are_int32(both):
    import narwhals as nw
    import polars as pl

    fitted = FittedHash(columns=("c",), buckets=3)
    on_polars = fitted.apply(nw.from_native(both.serving({"c": ["a", None]}))).to_native()
    on_spark = fitted.apply(nw.from_native(both.training({"c": ["a", None]}))).to_native()
    assert (on_polars.schema["c"], on_spark.dtypes) == (pl.Int32, [("c", "int")])


def test_refuses_decimal_numbers_and_times(both):
    with pytest.raises(UserError, match="hash cannot read the column 'x', which holds decimal"):
        both.fit(Hash(columns=("x",)), {"x": [0.5]})
    with pytest.raises(UserError, match="hash cannot read the column 't'"):
        Hash(columns=("t",)).check({"t": "time"})
