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
    with pytest.raises(UserError, match="impute cannot read the column 'x'.*of kind text"):
        op.check({"x": "text"})
    with pytest.raises(UserError, match="reads the column 'x', which is not in the table"):
        op.check({"y": "number"})
