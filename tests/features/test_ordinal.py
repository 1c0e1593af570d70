import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.ordinal import FittedOrdinal, Ordinal

ODD = '时间 d\'é "x"'


def test_a_given_order_gives_the_codes(both):
    fitted = both.fit(Ordinal(column=ODD, order=("low", "mid", "high")), {ODD: ["mid"]})
    assert fitted.categories() == {ODD: (4, "ordinal")}
    read = FittedOrdinal.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {ODD: ["high", "low", "never seen", None, "mid"]})
    assert found == {ODD: [2.0, 0.0, 3.0, 3.0, 1.0]}


@pytest.mark.parametrize("order", [(3, 1, 2), (3.0, 1.0, 2.0)])
@pytest.mark.parametrize("kind", ["long", "double"])
def test_an_order_of_numbers(both, order, kind):
    number = int if kind == "long" else float
    fitted = both.fit(Ordinal(column="n", order=order), {"n": [number(1)]})
    rows = {"n": [number(3), number(2), number(9), None]}
    assert both.apply(fitted, rows) == {"n": [0.0, 2.0, 3.0, 3.0]}


def test_a_decimal_in_the_order_of_whole_numbers_is_no_value(both):
    fitted = both.fit(Ordinal(column="n", order=(1, 1.5, 2)), {"n": [1]})
    assert both.apply(fitted, {"n": [1, 2, None]}) == {"n": [0.0, 2.0, 3.0]}


def test_by_frequency_with_ties_by_name(both):
    rows = {"c": ["b", "a", "z", "z", None], "x": [0.5, 2.0, 2.0, None, -0.0]}
    fitted = both.fit(Ordinal(columns=("c", "x"), by="frequency"), rows)
    assert fitted.known["c"] == ["z", "a", "b"]
    read = FittedOrdinal.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {"c": ["b", "z", "?", None], "x": [2.0, None, 7.0, 2.0]})
    assert found == {"c": [2.0, 0.0, 3.0, 3.0], "x": [0.0, 3.0, 3.0, 0.0]}


def test_a_column_without_any_value_has_one_code(both):
    fitted = both.fit(Ordinal(columns=("c",), by="frequency"), {"c": [None]}, c="string")
    assert fitted.categories() == {"c": (1, "ordinal")}
    assert both.apply(fitted, {"c": ["a", None]}) == {"c": [0.0, 0.0]}


def test_says_the_order():
    fitted = FittedOrdinal(known={"c": ["low", "high"]})
    assert fitted.describe() == {"c": "2 categories in order (low, high), one code for the rest"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"column": "c"}, "needs 'column' and 'order', or else 'columns' and 'by'"),
        ({"columns": ["c"]}, "needs 'column' and 'order'"),
        ({"columns": ["c"], "order": ["a"]}, "needs 'column' and 'order'"),
        ({"column": "c", "order": ["a"], "by": "frequency"}, "needs 'column' and 'order'"),
        ({"column": "c", "order": ["a", "a"]}, "a category more than once"),
        ({"column": "c", "order": ["a", 1]}, "mixes text and numbers"),
        ({"column": "c", "order": []}, "at least 1 item"),
    ],
)
def test_refuses_what_is_no_order(arguments, message):
    with pytest.raises(ValidationError, match=message):
        Ordinal.model_validate(arguments)


def test_refuses_an_order_of_another_kind_than_the_column():
    with pytest.raises(UserError, match="orders number, and the column 'c' is of kind text"):
        Ordinal(column="c", order=(1, 2)).check({"c": "text"})
    with pytest.raises(UserError, match="orders text, and the column 'c' is of kind number"):
        Ordinal(column="c", order=("1",)).check({"c": "number"})
    with pytest.raises(UserError, match="ordinal cannot read the column 'c'"):
        Ordinal(columns=("c",), by="frequency").check({"c": "category"})
