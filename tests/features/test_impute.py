import pytest

from throughline.errors import UserError
from throughline.features.impute import FittedImpute, Impute


@pytest.mark.parametrize(("strategy", "value"), [("mean", 4.0), ("median", 2.0), ("mode", 1.0)])
def test_learns_from_what_is_there(both, strategy, value):
    op = Impute(columns=("x",), strategy=strategy)
    fitted = both.fit(op, {"x": [1.0, 1.0, 2.0, 3.0, 13.0, None]})
    assert fitted.values == {"x": value}


def test_fills_and_flags_what_was_missing(both):
    fitted = FittedImpute(values={"x": 7.5, "n": 2.0}, flag=True)
    found = both.apply(fitted, {"x": [1.0, None], "n": [None, 3], "other": ["a", None]})
    assert found["x"] == [1.0, 7.5]
    assert found["n"] == [2.0, 3.0]
    assert found["x_missing"] == [0.0, 1.0]
    assert found["n_missing"] == [1.0, 0.0]
    assert found["other"] == ["a", None]


def test_adds_no_flag_unless_asked(both):
    assert set(both.apply(FittedImpute(values={"x": 1.0}), {"x": [None]})) == {"x"}


def test_refuses_a_column_without_any_value(both):
    with pytest.raises(UserError, match="no value of 'x'.*use fill"):
        both.fit(Impute(columns=("x",)), {"x": [None, None]})


def test_refuses_text_and_what_is_not_there():
    op = Impute(columns=("x",))
    with pytest.raises(UserError, match="impute has no median of 'x', which holds text"):
        op.check({"x": "text"})
    with pytest.raises(UserError, match="impute cannot read the column 'x'.*of kind time"):
        op.check({"x": "time"})
    with pytest.raises(UserError, match="reads the column 'x', which is not in the table"):
        op.check({"y": "number"})


def test_the_mode_of_text_and_of_whole_numbers(both):
    op = Impute(columns=("c", "n"), strategy="mode")
    rows = {"c": ["b", "a", "b", "a", None], "n": [3, 3, 1, 1, None]}
    found = both.apply(both.fit(op, rows), {"c": [None, "z"], "n": [None, 5]}, c="string", n="long")
    assert found == {"c": ["a", "z"], "n": [1.0, 5.0]}  # of equals, the first by name
