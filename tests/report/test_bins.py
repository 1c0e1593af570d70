import polars as pl
import pytest

from throughline.report.bins import Bins


def test_many_numbers_have_deciles_and_missing_values_a_bin():
    training = pl.Series([float(i) for i in range(1, 101)])
    bins = Bins.of(training)
    assert bins.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert bins.shares(training).tolist() == pytest.approx([0.1] * 10 + [0.0])
    others = pl.Series([10.0, 10.5, -1e9, 1e9, None], dtype=pl.Float64)
    assert bins.shares(others).tolist() == pytest.approx([0.4, 0.2, *[0] * 7, 0.2, 0.2])


def test_few_numbers_have_a_bin_each_and_others_are_pooled():
    bins = Bins.of(pl.Series([0.0, 0.0, 1.0]))
    assert bins.values == (0.0, 1.0)
    shares = bins.shares(pl.Series([1.0, 2.0, 3.0, None], dtype=pl.Float64))
    assert shares.tolist() == [0.0, 0.25, 0.5, 0.25]


def test_the_frequent_texts_have_bins_and_rare_ones_share_one():
    values = [f"v{i:02}" for i in range(30) for _ in range(30 - i)]
    bins = Bins.of(pl.Series("rows", values))
    assert bins.values == tuple(f"v{i:02}" for i in range(20))
    assert bins.shares(pl.Series(["v00", "v29", "new", None])).tolist()[-2:] == [0.5, 0.25]


def test_a_column_of_nothing_has_bins_too():
    bins = Bins.of(pl.Series([None, None], dtype=pl.String))
    assert bins.shares(pl.Series(["a", None])).tolist() == [0.5, 0.5]
    assert bins.shares(pl.Series([], dtype=pl.String)).tolist() == [0, 0]
