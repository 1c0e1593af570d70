import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.impute_by_group import FittedImputeByGroup, ImputeByGroup

ROWS = {
    "k": ["a", "a", "a", "b", "c", None],
    "flag": [True, True, True, False, False, True],
    "x": [1.0, 3.0, 8.0, 10.0, None, 50.0],
    "n": [1, 3, 5, None, None, 100],
}


@pytest.mark.parametrize(("strategy", "x", "n"), [("mean", 4.0, 3.0), ("median", 3.0, 3.0)])
def test_fills_with_the_groups_figure_or_the_wholes(both, strategy, x, n):
    op = ImputeByGroup(columns=("x", "n"), by=("k",), strategy=strategy)
    fitted = FittedImputeByGroup.model_validate_json(both.fit(op, ROWS).model_dump_json())
    served = {"k": ["a", "a", "b", "c", None, "?"], "x": [7.0, *[None] * 5], "n": [None] * 6}
    found = both.apply(fitted, served, n="long")
    whole = {"mean": (14.4, 27.25), "median": (8.0, 3.0)}[strategy]
    assert found["x"] == [7.0, x, 10.0, *[whole[0]] * 3]
    assert found["n"] == [n, n, *[whole[1]] * 4]
    assert set(found) == {"k", "x", "n"}


def test_flags_what_was_missing(both):
    op = ImputeByGroup(columns=("x",), by=("k", "flag"), flag=True)
    fitted = both.fit(op, ROWS)
    served = {"k": ["a", "a"], "flag": [True, None], "x": [None, 2.0]}
    found = both.apply(fitted, served)
    assert found["x"] == [3.0, 2.0]
    assert found["x_missing"] == [1.0, 0.0]
    assert set(op.writes({"x": "number"})) == {"x", "x_missing"}
    assert op.sources_of("x_missing") == ["x"]
    assert op.sources_of("x") == ["x", "k", "flag"]


def test_no_key_is_known_and_odd_names(both):
    op = ImputeByGroup(columns=("时间 '\"",), by=("ключ 1",), strategy="mean")
    fitted = both.fit(op, {"ключ 1": [None, None], "时间 '\"": [1.0, 3.0]}, **{"ключ 1": "string"})
    assert both.apply(fitted, {"ключ 1": ["a"], "时间 '\"": [None]})["时间 '\""] == [2.0]
    assert fitted.describe() == {
        "时间 '\"": "missing values become that of one of 0 groups by ключ 1, else 2"
    }


def test_refuses_what_cannot_be_imputed(both):
    op = ImputeByGroup(columns=("x",), by=("k",))
    with pytest.raises(UserError, match="impute_by_group found no value of 'x'.*use fill"):
        both.fit(op, {"k": ["a", "b"], "x": [None, None]})
    with pytest.raises(UserError, match="cannot impute the column 'x', which is of kind text"):
        op.check({"x": "text", "k": "text"})
    with pytest.raises(UserError, match="cannot read the column 'k', which is of kind time"):
        op.check({"x": "number", "k": "time"})
    with pytest.raises(ValidationError, match="'x' is both imputed and grouped by"):
        ImputeByGroup(columns=("x",), by=("x",))
