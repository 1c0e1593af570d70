import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.report.histogram import BARS, histogram
from throughline.report.sparkline import paths

FLOATS = st.lists(st.none() | st.floats(allow_nan=False), max_size=80)


def floats(values):
    return pl.Series("x", values, dtype=pl.Float64)


def test_many_numbers_are_drawn_over_a_common_range_without_outliers():
    draw = np.random.default_rng(7)
    train, test = draw.normal(size=5000), draw.normal(3, size=5000)
    train[0] = 1e9
    found = histogram(floats(train), floats(test))
    assert len(found.train) == len(found.test) == BARS
    assert -4 < found.edges[0] < -1 and 4 < found.edges[-1] < 7
    assert found.train.sum() == pytest.approx(1) == found.test.sum()
    assert found.train.argmax() < found.test.argmax()


def test_bars_of_whole_numbers_have_the_same_number_of_them():
    values = [float(i % 25) for i in range(1000)]
    found = histogram(floats(values), floats(values))
    assert found.train.tolist() == pytest.approx([1 / 25] * 25)
    assert found.edges[:2] == (-0.5, 0.5)


def test_few_numbers_are_bars_in_their_order():
    found = histogram(floats([2.0, 10.0, 2.0, None]), floats([10.0, 3.0]))
    assert found.labels == ("2", "10", "(other)", "(missing)")
    assert found.train.tolist() == [0.5, 0.25, 0, 0.25]
    assert found.test.tolist() == [0, 0.5, 0.5, 0]


def test_texts_are_bars_the_most_frequent_first():
    values = [letter for i, letter in enumerate("abcdefghij") for _ in range(10 - i)]
    found = histogram(pl.Series(values), pl.Series(["a"]))
    assert found.labels == (*"abcdefgh", "(other)")
    assert found.test.tolist() == [1, *[0] * 8]


def test_a_constant_is_told():
    assert histogram(floats([3.0, 3.0]), floats([4.0])).constant
    assert not histogram(floats([3.0, 3.5]), floats([3.0])).constant


@given(FLOATS, FLOATS)
def test_any_numbers_can_be_drawn(train, test):
    found = histogram(floats(train), floats(test))
    bars = len(found.labels) or len(found.edges) - 1
    assert found.train.shape == found.test.shape == (max(bars, 0),)
    assert np.isfinite(found.edges).all()
    assert (np.diff(found.edges) >= 0).all()
    assert 0 <= found.train.sum() <= 1 + 1e-9
    drawn = paths(found)
    assert drawn is None or "nan" not in "".join(drawn)
