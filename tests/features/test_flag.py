import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.flag import Flag


def test_one_where_it_holds_zero_where_not_or_unknown(both):
    fitted = both.fit(
        Flag(column="bad", when="rain > 0 or sight < 3"), {"rain": [0.0], "sight": [1]}
    )
    found = both.apply(
        fitted,
        {"rain": [0.5, 0.0, None, None, 0.0], "sight": [9.0, 2.0, 1.0, 9.0, None]},
    )
    assert found["bad"] == [1.0, 1.0, 1.0, 0.0, 0.0]


def test_text_and_missing_in_conditions(both):
    fitted = both.fit(
        Flag(column="f", when="c in ('a', 'b') and x is not None"), {"c": ["a"], "x": [1]}
    )
    found = both.apply(fitted, {"c": ["a", "z", None, "b"], "x": [1.0, 1.0, 1.0, None]})
    assert found["f"] == [1.0, 0.0, 0.0, 0.0]


def test_reads_the_columns_of_its_condition():
    flag = Flag(column="f", when="a > b")
    assert flag.reads() == ["a", "b"]
    with pytest.raises(UserError, match="flag reads the column 'b'"):
        flag.check({"a": "number"})
    with pytest.raises(UserError, match="flag cannot read the column 'b'"):
        flag.check({"a": "number", "b": "time"})


def test_refuses_what_is_no_condition():
    with pytest.raises(ValidationError, match="is not a condition"):
        Flag(column="f", when="a + 1")
    with pytest.raises(ValidationError, match="does not parse"):
        Flag(column="f", when="a >")
