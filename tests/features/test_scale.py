import pytest

from throughline.errors import UserError
from throughline.features.scale import FittedScale, Scale

VALUES = [1.0, 2.0, 3.0, 4.0, 10.0, None]


@pytest.mark.parametrize(
    ("method", "centre", "spread"),
    [("standard", 4.0, 10**0.5), ("min_max", 1.0, 9.0), ("robust", 3.0, 2.0)],
)
def test_learns_centre_and_spread(both, method, centre, spread):
    fitted = both.fit(Scale(columns=("x",), method=method), {"x": VALUES})
    assert fitted.centre["x"] == pytest.approx(centre)
    assert fitted.spread["x"] == pytest.approx(spread)


def test_the_recipe_calls_the_method_with():
    assert Scale.model_validate({"columns": ["x"], "with": "robust"}).method == "robust"


def test_scales_and_leaves_missing_missing(both):
    fitted = FittedScale(centre={"x": 1.0, "n": 2.0}, spread={"x": 4.0, "n": 0.5})
    found = both.apply(fitted, {"x": [3.0, None, -1.0], "n": [2, 3, None]})
    assert found == {"x": [0.5, None, -0.5], "n": [0.0, 2.0, None]}


def test_a_constant_column_becomes_zero_and_an_empty_one_stays(both):
    fitted = both.fit(Scale(columns=("k", "e")), {"k": [5.0, 5.0], "e": [None, None]})
    found = both.apply(fitted, {"k": [5.0, 6.0], "e": [None, 2.0]})
    assert found == {"k": [0.0, 1.0], "e": [None, 2.0]}


@pytest.mark.parametrize("method", ["standard", "min_max", "robust"])
def test_a_constant_column_in_many_parts_has_no_spread(both, method):
    same = ("1.0D + 0 * id as k", "cast(null as double) as e")
    rows = both.spark.range(0, 5 * 49, 1, 5).selectExpr(*same)  # of 49, rounding makes a deviation
    fitted = Scale(columns=("k", "e"), method=method).fit_on(rows)
    assert fitted.spread == {"k": 1.0, "e": 1.0}
    found = both.apply(fitted, {"k": [1.0, 2.0, None], "e": [None, 2.0, None]})
    assert found["k"] == [0.0, 1.0, None]
    assert found["e"] == [None, 2.0, None]


def test_scales_whole_numbers(both):
    fitted = both.fit(Scale(columns=("n",), method="min_max"), {"n": [2, 4, None]})
    assert both.apply(fitted, {"n": [2, 3, 5]}) == {"n": [0.0, 0.5, 1.5]}


def test_refuses_text_and_what_is_not_there():
    with pytest.raises(UserError, match="scale cannot read the column 'x'"):
        Scale(columns=("x",)).check({"x": "text"})
    with pytest.raises(UserError, match="not in the table at that point"):
        Scale(columns=("x",)).check({})
