import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.recipe.space import parse_space
from throughline.tuning.hyperopt_space import flat, hyperopt_space


def drawn(said, count=200):
    from hyperopt.pyll.stochastic import sample

    space = hyperopt_space(parse_space({"p": said}))
    draw = np.random.default_rng(7)
    return [flat(sample(space, rng=draw)) for _ in range(count)]


def values(said, count=200):
    return np.array([one["p"] for one in drawn(said, count)])


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [({"uniform": [0.5, 1]}, 0.5, 1), ({"loguniform": [0.01, 10]}, 0.01, 10),
     ({"randint": [3, 8]}, 3, 7), ({"quniform": [0, 10, 5]}, 0, 10), ({"randint": [4]}, 0, 3),
     ({"qloguniform": [1, 64, 8]}, 0, 64)],
)  # fmt: skip
def test_values_are_within_the_bounds(said, low, high):
    found = values(said)
    assert found.min() >= low
    assert found.max() <= high
    assert len(np.unique(found)) > 2


@pytest.mark.parametrize("said", [{"randint": [3, 8]}, {"quniform": [1, 9, 2]}])
def test_whole_numbers_are_pythons_own(said):
    assert {type(one["p"]) for one in drawn(said)} == {int}


def test_the_bounds_of_loguniform_are_values_not_logarithms():
    assert np.median(values({"loguniform": [0.01, 1]})) == pytest.approx(0.1, rel=0.5)


def test_choice_takes_anything_and_normal_any_numbers():
    assert set(values({"choice": ["hist", "exact"]})) == {"hist", "exact"}
    assert values({"normal": [5, 1]}).mean() == pytest.approx(5, abs=0.5)
    assert (values({"lognormal": [0, 1]}) > 0).all()


def test_choices_nest_and_each_branch_has_its_own_parameters():
    said = {"choice": [{"a": {"uniform": [0, 1]}}, {"b": {"choice": [1, {"randint": [5, 7]}]}}]}
    found = drawn(said)
    assert {tuple(one) for one in found} == {("a",), ("b",)}
    assert {one["b"] for one in found if "b" in one} == {1, 5, 6}


@settings(max_examples=15)
@given(st.floats(1e-6, 1e3), st.floats(1.1, 1e3))
def test_loguniform_stays_within_any_bounds(low, factor):
    found = values({"loguniform": [low, low * factor]}, count=5)
    assert (found >= low * (1 - 1e-9)).all()
    assert (found <= low * factor * (1 + 1e-9)).all()
