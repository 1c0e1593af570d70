import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import UserError
from throughline.tuning.space import hyperopt_space


def drawn(said, count=200):
    from hyperopt.pyll.stochastic import sample

    space = hyperopt_space({"p": said})
    draw = np.random.default_rng(7)
    return np.array([sample(space, rng=draw)["p"] for _ in range(count)])


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [({"uniform": [0.5, 1]}, 0.5, 1), ({"loguniform": [0.01, 10]}, 0.01, 10),
     ({"randint": [3, 8]}, 3, 7), ({"quniform": [0, 10, 5]}, 0, 10), ({"randint": [4]}, 0, 3),
     ({"qloguniform": [1, 64, 8]}, 0, 64)],
)  # fmt: skip
def test_values_are_within_the_bounds(said, low, high):
    values = drawn(said)
    assert values.min() >= low
    assert values.max() <= high
    assert len(np.unique(values)) > 2


def test_the_bounds_of_loguniform_are_values_not_logarithms():
    assert np.median(drawn({"loguniform": [0.01, 1]})) == pytest.approx(0.1, rel=0.5)


def test_choice_takes_anything_and_normal_any_numbers():
    assert set(drawn({"choice": ["hist", "exact"]})) == {"hist", "exact"}
    assert drawn({"normal": [5, 1]}).mean() == pytest.approx(5, abs=0.5)
    assert (drawn({"lognormal": [0, 1]}) > 0).all()


@settings(max_examples=15)
@given(st.floats(1e-6, 1e3), st.floats(1.1, 1e3))
def test_loguniform_stays_within_any_bounds(low, factor):
    values = drawn({"loguniform": [low, low * factor]}, count=5)
    assert (values >= low * (1 - 1e-9)).all()
    assert (values <= low * factor * (1 + 1e-9)).all()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"unifrom": [0, 1]}, "unknown distribution 'unifrom'; did you mean 'uniform'"),
        ({"uniform": [1, 0]}, "upside down: 1 is not below 0"),
        ({"uniform": [1, 1]}, "upside down"),
        ({"uniform": [0]}, "gives uniform 1 numbers, which is not how many it takes"),
        ({"uniform": [0, 1, 2]}, "gives uniform 3 numbers"),
        ({"loguniform": [1]}, "gives loguniform 1 numbers"),
        ({"quniform": [0, 1]}, "gives quniform 2 numbers"),
        ({"uniform": ["a", "b"]}, "must give uniform numbers"),
        ({"uniform": [False, True]}, "must give uniform numbers"),
        ({"uniform": 5}, "must give uniform a list"),
        ({"choice": []}, "must give choice a list"),
        ({"loguniform": [0, 1]}, "are values above 0, not logarithms"),
        ({"loguniform": [-3, 0]}, "are values above 0, not logarithms"),
        ({"randint": [0.5, 3]}, "must give randint whole numbers"),
        ({"uniform": [0, 1], "choice": [1]}, "must be one distribution"),
        ({}, "must be one distribution"),
    ],
)
def test_refuses_what_is_no_distribution(said, message):
    with pytest.raises(UserError, match=message):
        hyperopt_space({"p": said})
