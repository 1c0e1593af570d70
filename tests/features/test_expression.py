import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.expression import Expression, FittedExpression


def test_computes_a_number(both):
    fitted = both.fit(Expression(column="air", value="arr - dep / 60"), {"arr": [1], "dep": [2.0]})
    read = FittedExpression.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {"arr": [3, None, 1], "dep": [30.0, 30.0, None]})
    assert found["air"] == [2.5, None, None]


def test_names_that_are_no_words_and_replacing_a_column(both):
    value = "col('时 间') * 2 + col('a\"b')"
    fitted = both.fit(Expression(column="时 间", value=value), {"时 间": [1.0], 'a"b': [1]})
    assert both.apply(fitted, {"时 间": [1.5], 'a"b': [1]})["时 间"] == [4.0]


def test_missing_where_it_cannot_be_computed(both):
    fitted = FittedExpression(column="q", value="a * b / c")
    found = both.apply(
        fitted, {"a": [1.0, 1e200, 1e200, 1.0], "b": [1.0, 1e200, -1e200, 3.0], "c": [0, 1, 1, 2]}
    )
    assert found["q"] == [None, None, None, 1.5]


def test_all_missing(both):
    fitted = both.fit(Expression(column="q", value="-x"), {"x": [None]})
    assert both.apply(fitted, {"x": [None, None]})["q"] == [None, None]


def test_reads_and_describes():
    op = Expression.model_validate({"name": "q", "value": "a + b"})
    assert op.reads() == op.sources_of("q") == ["a", "b"]
    assert op.fit(None, None).describe() == {"q": "a + b"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("a > 1", "is a condition; use flag"),
        ("not a", "is a condition; use flag"),
        ("1 + 2", "reads no column"),
        ("a +", "does not parse"),
        ("f(a)", "does not have"),
    ],
)
def test_refuses_what_is_no_arithmetic(value, message):
    with pytest.raises(ValidationError, match=message):
        Expression(column="q", value=value)


@pytest.mark.parametrize("value", ["a", "a + 1"])
def test_refuses_what_is_no_number(value):
    with pytest.raises(UserError, match="'a'.*of kind text"):
        Expression(column="q", value=value).check({"a": "text"})
    assert Expression(column="q", value=value).check({"a": "category"})["q"] == "number"


def test_refuses_a_number_made_of_text():
    with pytest.raises(UserError, match="number"):
        Expression(column="q", value="a + 'b'").check({"a": "number"})
