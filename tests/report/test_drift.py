import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.report.drift import MUCH, drift, psi

NUMBERS = st.lists(st.none() | st.floats(allow_nan=False), min_size=1, max_size=60)
TEXTS = st.lists(st.none() | st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=1)


@st.composite
def two_distributions(draw):
    bins = draw(st.integers(1, 12))
    weights = st.lists(st.floats(0, 1), min_size=bins, max_size=bins).filter(sum)
    first, second = np.array(draw(weights)), np.array(draw(weights))
    return first / first.sum(), second / second.sum()


def column(values, kind):
    return pl.Series("x", values, dtype=kind)


def test_psi_of_known_shares():
    found = psi(np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    assert found == pytest.approx(0.25 * math.log(2) + 0.25 * math.log(1.5))


def test_an_empty_bin_gives_a_number():
    assert psi(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(18.4, abs=0.1)


@given(two_distributions())
def test_psi_is_symmetric_not_negative_and_zero_for_the_same(shares):
    first, second = shares
    assert psi(first, second) >= 0
    assert psi(first, second) == pytest.approx(psi(second, first))
    assert psi(first, first) == 0
    assert psi(first[::-1], second[::-1]) == pytest.approx(psi(first, second))


@pytest.mark.parametrize(
    ("values", "kind"), [(NUMBERS, pl.Float64), (TEXTS, pl.String)], ids=["numbers", "text"]
)
@given(data=st.data(), chance=st.randoms(use_true_random=False))
def test_values_drift_from_others_alone_whatever_their_order(values, kind, data, chance):
    training, other = data.draw(values), data.draw(values)
    found = drift(column(training, kind), column(other, kind))
    assert found >= 0
    assert drift(column(training, kind), column(training, kind)) == 0
    chance.shuffle(training)
    chance.shuffle(other)
    assert drift(column(training, kind), column(other, kind)) == pytest.approx(found)


def test_what_a_reader_calls_drift_is_much():
    draw = np.random.default_rng(7)
    training = pl.Series(draw.normal(size=20_000))
    assert drift(training, pl.Series(draw.normal(size=20_000))) < 0.01
    assert drift(training, pl.Series(draw.normal(1, size=20_000))) > MUCH


@pytest.mark.parametrize(
    ("training", "other"),
    [
        ([1.0] * 10, [0.0] * 10),  # a constant that changes
        ([1.0] * 10, [1.0] * 5 + [None] * 5),  # values that go missing
        ([0.0] * 97 + [1.0] * 3, [0.0] * 70 + [1.0] * 30),  # a rare flag
        ([float(i) for i in range(100)], [math.inf] * 100),
    ],
)
def test_deciles_do_not_hide_a_drift(training, other):
    assert drift(column(training, pl.Float64), column(other, pl.Float64)) > MUCH


def test_without_rows_there_is_no_drift():
    empty, rows = column([], pl.Float64), column([1.0], pl.Float64)
    assert drift(empty, rows) is None
    assert drift(rows, empty) is None
    nothing = column([None, None], pl.String)
    assert drift(nothing, nothing) == 0
