import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.bin import Bin, FittedBin


def test_given_edges_lie_between_the_bins(both):
    fitted = both.fit(Bin(column="x", edges=(10, 20)), {"x": [1.0]})
    assert fitted.categories() == {"x_bin": (4, "ordinal")}
    found = both.apply(fitted, {"x": [-1e9, 10.0, 10.1, 20.0, 1e9, None]})
    assert found["x_bin"] == [0.0, 0.0, 1.0, 1.0, 2.0, 3.0]
    assert found["x"] == [-1e9, 10.0, 10.1, 20.0, 1e9, None]


def test_quantiles_make_bins_of_as_many_rows_through_json(both):
    rows = {"时 n": [*range(1, 13), None]}
    fitted = both.fit(Bin(column="时 n", quantiles=4), rows)
    assert fitted.edges == (3.0, 6.0, 9.0)
    read = FittedBin.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, rows)["时 n_bin"]
    assert [found.count(code) for code in range(5)] == [3, 3, 3, 3, 1]


def test_equal_quantiles_fall_together_and_no_bin_is_empty(both):
    rows = {"x": [0.0] * 6 + [5.0, 6.0, 7.0, 7.0, 7.0, 7.0]}
    fitted = both.fit(Bin(column="x", quantiles=6), rows)
    assert fitted.edges == (0.0, 6.0)
    assert set(both.apply(fitted, rows)["x_bin"]) == {0.0, 1.0, 2.0}


def test_equal_width_and_values_outside_of_it(both):
    fitted = both.fit(Bin(column="x", width=4, output="b"), {"x": [0.0, 1.0, 8.0, None]})
    assert fitted.edges == (2.0, 4.0, 6.0)
    found = both.apply(fitted, {"x": [-9.0, 2.0, 5.0, 99.0, None]})
    assert found["b"] == [0.0, 0.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("way", [{"quantiles": 4}, {"width": 4}])
@pytest.mark.parametrize("values", [[None, None], [3.0, 3.0]])
def test_a_column_without_spread_has_one_bin(both, way, values):
    fitted = both.fit(Bin(column="x", **way), {"x": values})
    assert fitted.categories() == {"x_bin": (2, "ordinal")}
    assert both.apply(fitted, {"x": [3.0, 9.0, None]})["x_bin"] == [0.0, 0.0, 1.0]


def test_says_what_it_learnt_and_where_the_bin_comes_from():
    fitted = FittedBin(column="x", output="x_bin", edges=(1.5, 20))
    assert fitted.describe() == {"x_bin": "3 bins of x, between them 1.5, 20"}
    assert Bin(column="x", width=2).sources_of("x_bin") == ["x"]
    assert Bin.model_validate({"column": "x", "width": 2, "name": "b"}).output == "b"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "bin needs one of 'edges', 'quantiles' and 'width'"),
        ({"quantiles": 3, "width": 3}, "bin needs one of"),
        ({"edges": (2, 1)}, "edges must rise"),
        ({"edges": (1, 1)}, "edges must rise"),
        ({"edges": ()}, "at least 1 item"),
        ({"width": 1}, "greater than or equal to 2"),
    ],
)
def test_refuses_impossible_bins(arguments, message):
    with pytest.raises(ValidationError, match=message):
        Bin(column="x", **arguments)


def test_refuses_text():
    with pytest.raises(UserError, match="bin cannot read the column 'x'.*of kind text"):
        Bin(column="x", width=2).check({"x": "text"})
