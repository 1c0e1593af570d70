import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.recipe.space import parse_space
from throughline.tuning.hyperopt_space import flat, hyperopt_space


def drawn(said, count=200):
    from hyperopt.pyll.stochastic import sample

    space = hyperopt_space(parse_space({"p": said}))
    draw = np.random.default_rng(7)
    return [flat(sample(space, rng=draw)) for _ in range(count)]


def test_the_bounds_of_loguniform_are_values_not_logarithms():
    found = [one["p"] for one in drawn({"loguniform": [0.01, 1]})]
    assert 0.05 < np.median(found) < 0.2


@settings(max_examples=15)
@given(st.floats(1e-6, 1e3), st.floats(1.1, 1e3))
def test_loguniform_stays_within_any_bounds(low, factor):
    for one in drawn({"loguniform": [low, low * factor]}, count=5):
        assert low * (1 - 1e-9) <= one["p"] <= low * factor * (1 + 1e-9)
