import pytest

from throughline.errors import UserError
from throughline.features.one_hot import FittedOneHot, OneHot


def test_knows_the_most_frequent_first_and_breaks_ties_by_name(both):
    fitted = both.fit(
        OneHot(columns=("c",), max_categories=3), {"c": ["b", "z", "a", "z", "c", None, None, None]}
    )
    assert fitted.known == {"c": ["z", "a", "b"]}
    assert fitted.categories() == {"c": (4, "one_hot")}


def test_codes_and_one_code_for_the_rest(both):
    fitted = FittedOneHot(known={"c": ["z", "a"], "d": ["x"]})
    found = both.apply(fitted, {"c": ["a", "z", "never seen", None], "d": [None, "x", "X", ""]})
    assert found == {"c": [1.0, 0.0, 2.0, 2.0], "d": [1.0, 0.0, 1.0, 1.0]}


def test_a_column_without_any_value_has_one_code(both):
    fitted = both.fit(OneHot(columns=("c",)), {"c": [None, None]}, c="string")
    assert fitted.categories() == {"c": (1, "one_hot")}
    assert both.apply(fitted, {"c": ["a", None]}) == {"c": [0.0, 0.0]}


def test_numbers_and_flags_are_categories_too(both):
    columns = {
        "n": [3, 3, 10, None],
        "x": [1e10, 1e10, 0.1, None],
        "small": [1e-7, 1e-7, 2.0, None],
        "b": [True, True, False, None],
    }
    fitted = both.fit(OneHot(columns=tuple(columns)), columns)
    assert both.apply(fitted, columns) == dict.fromkeys(columns, [0.0, 0.0, 1.0, 2.0])


def test_minus_zero_is_zero(both):
    fitted = both.fit(OneHot(columns=("x",)), {"x": [0.0, -0.0, 1.0]})
    assert fitted.known == {"x": [0.0, 1.0]}
    assert both.apply(fitted, {"x": [-0.0, 0.0]}) == {"x": [0.0, 0.0]}


def test_numbers_keep_their_codes_through_json(both):
    columns = {"x": [1.0, 1.0, 2.0], "n": [2**53 + 1, 2**53 + 1, 2**53]}
    fitted = both.fit(OneHot(columns=("x", "n")), columns)
    read = FittedOneHot.model_validate_json(fitted.model_dump_json())
    assert both.apply(read, columns) == {"x": [0.0, 0.0, 1.0], "n": [0.0, 0.0, 1.0]}


def test_single_floats_are_the_category_that_a_request_carries(both):
    fitted = both.fit(OneHot(columns=("x",)), {"x": [0.1, 0.1, 7.5]}, x="float")
    import numpy as np

    assert both.apply(fitted, {"x": [float(np.float32(0.1)), 7.5]}) == {"x": [0.0, 1.0]}


def test_unseen_values_may_give_zeros(both):
    fitted = both.fit(OneHot(columns=("c",), unseen="zeros"), {"c": ["a", "b", "a", None]})
    read = FittedOneHot.model_validate_json(fitted.model_dump_json())
    assert read.categories() == {"c": (3, "one_hot_known")}
    assert both.apply(read, {"c": ["b", "never seen", None]}) == {"c": [1.0, 2.0, 2.0]}
    assert read.describe() == {"c": "2 categories (a, b), none for the rest"}


def test_refuses_times_and_what_is_not_there():
    with pytest.raises(UserError, match="one_hot cannot read the column 't'.*of kind time"):
        OneHot(columns=("t",)).check({"t": "time"})
    with pytest.raises(UserError, match="reads the column 'carier'.*did you mean 'carrier'"):
        OneHot(columns=("carier",)).check({"carrier": "text"})
