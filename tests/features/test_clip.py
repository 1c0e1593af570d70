import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.clip import Clip, FittedClip

ODD = '时间 d\'é "x"'


def test_fixed_bounds_of_one_side_or_both(both):
    rows = {"x": [-5.0, 0.5, 9.0, None], "n": [-5, 0, 9, None]}
    fitted = both.fit(Clip(columns=("x", "n"), low=0, high=1), rows)
    assert both.apply(fitted, rows) == {"x": [0.0, 0.5, 1.0, None], "n": [0.0, 0.0, 1.0, None]}
    fitted = both.fit(Clip(columns=("x",), high=1), rows)
    assert both.apply(fitted, {"x": [-5.0, 9.0]}) == {"x": [-5.0, 1.0]}
    fitted = both.fit(Clip(columns=("x",), low=0.0), rows)
    assert both.apply(fitted, {"x": [-5.0, 9.0]}) == {"x": [0.0, 9.0]}


def test_bounds_learnt_as_quantiles_through_json(both):
    rows = {ODD: [float(x) for x in range(1, 101)] + [None], "n": [*range(1, 101), None]}
    fitted = both.fit(Clip(columns=(ODD, "n"), quantiles=(0.05, 0.95)), rows)
    assert fitted.bounds == {ODD: (5.0, 95.0), "n": (5.0, 95.0)}
    read = FittedClip.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {ODD: [-1.0, 50.0, 1e9, None], "n": [-1, 50, 10**9, None]})
    assert found == dict.fromkeys((ODD, "n"), [5.0, 50.0, 95.0, None])


def test_nothing_to_learn_from_and_a_constant(both):
    fitted = both.fit(
        Clip(columns=("e", "k"), quantiles=(0.01, 0.99)), {"e": [None, None], "k": [3.0, 3.0]}
    )
    assert both.apply(fitted, {"e": [7.0, None], "k": [7.0, None]}) == {
        "e": [7.0, None],
        "k": [3.0, None],
    }
    assert fitted.describe() == {
        "e": "no value to learn bounds from; left as it is",
        "k": "kept from 3 to 3",
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "clip needs 'low' or 'high' or both, or else 'quantiles'"),
        ({"low": 0, "quantiles": (0.1, 0.9)}, "or else 'quantiles'"),
        ({"low": 2, "high": 1}, "low 2 is above its high 1"),
        ({"quantiles": (0.9, 0.1)}, "must rise and lie from 0 to 1"),
        ({"quantiles": (1, 99)}, "must rise and lie from 0 to 1"),
        ({"low": float("nan")}, "finite number"),
    ],
)
def test_refuses_impossible_bounds(arguments, message):
    with pytest.raises(ValidationError, match=message):
        Clip(columns=("x",), **arguments)


def test_refuses_text_and_what_is_not_there():
    op = Clip(columns=("x",), low=0)
    with pytest.raises(UserError, match="clip cannot read the column 'x'.*of kind text"):
        op.check({"x": "text"})
    with pytest.raises(UserError, match="'x', which is not in the table"):
        op.check({"y": "number"})
