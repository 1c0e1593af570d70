"""Few rows look their figures up, many are joined: both get the same."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.features import lookup as module
from throughline.features.lookup import Lookup

NAMES = st.one_of(st.none(), st.sampled_from(["a", "b", "", "时"]))
CODES = st.one_of(st.none(), st.integers(-2, 2))
LOOKUP = Lookup(
    keys={"name": ["a", "a", "", "时"], "code": [0, 1, -2, 2]},
    figures={"mean": [0.5, None, 1e300, -0.0], "count": [1.0, 2.0, 3.0, 4.0]},
)


@given(rows=st.lists(st.tuples(NAMES, CODES), max_size=8))
def test_few_rows_get_what_many_get(rows):
    types = {"name": pl.String(), "code": pl.Int32()}
    frame = pl.DataFrame(rows, schema=types, orient="row").with_row_index("place")
    many = pl.concat([frame] * (module.FEW + 1))
    few = LOOKUP.joined_to(frame)
    assert few.equals(LOOKUP.joined_to(many).head(len(rows)))
    assert few.columns == ["place", "name", "code", "mean", "count"]


@pytest.mark.parametrize("count", [1, module.FEW + 1])
def test_decimal_keys_and_columns_that_are_there_already(count):
    lookup = Lookup(keys={"x": [0.5, 2.0]}, figures={"mean": [1.0, None]})
    frame = pl.DataFrame({"mean": ["old"] * count, "x": [0.5] * count})
    assert lookup.joined_to(frame).to_dicts() == [{"x": 0.5, "mean": 1.0}] * count
    assert lookup.joined_to(frame.lazy()).collect().equals(lookup.joined_to(frame))
