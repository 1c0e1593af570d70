import pytest

from throughline.errors import UserError
from throughline.features.fill import Fill


def test_replaces_missing_values_only(both):
    fitted = both.fit(Fill(columns=("c",), value="UNKNOWN"), {"c": ["a", None]})
    assert both.apply(fitted, {"c": [None, "never seen", ""]}) == {
        "c": ["UNKNOWN", "never seen", ""]
    }


@pytest.mark.parametrize("value", [0, 2.5])
def test_fills_whole_numbers_and_decimals_alike(both, value):
    fitted = both.fit(Fill(columns=("n", "x"), value=value), {"n": [1], "x": [1.0]})
    found = both.apply(fitted, {"n": [4, None], "x": [None, 0.5]}, n="long")
    assert found == {"n": [4.0, float(value)], "x": [float(value), 0.5]}


def test_refuses_a_placeholder_of_another_kind():
    with pytest.raises(UserError, match="fill cannot put 'UNKNOWN' into the column 'x'"):
        Fill(columns=("x",), value="UNKNOWN").check({"x": "number"})
    with pytest.raises(UserError, match="fill cannot put 0.0 into the column 'c'"):
        Fill(columns=("c",), value=0.0).check({"c": "text"})


def test_refuses_what_is_not_there():
    with pytest.raises(UserError, match="did you mean 'colour'"):
        Fill(columns=("color",), value="?").check({"colour": "text"})
