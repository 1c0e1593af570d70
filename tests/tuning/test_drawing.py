"""What both engines draw from a recipe's space."""

import numpy as np
import pytest

from tests.tuning import test_hyperopt_space, test_optuna_space

ENGINES = {"hyperopt": test_hyperopt_space.drawn, "optuna": test_optuna_space.drawn}
both = pytest.mark.parametrize("drawn", ENGINES.values(), ids=ENGINES)


@both
@pytest.mark.parametrize(
    ("said", "low", "high"),
    [({"uniform": [0.5, 1]}, 0.5, 1), ({"loguniform": [0.01, 10]}, 0.01, 10),
     ({"randint": [3, 8]}, 3, 7), ({"quniform": [0, 10, 5]}, 0, 10), ({"randint": [4]}, 0, 3),
     ({"qloguniform": [1, 64, 8]}, 0, 64)],
)  # fmt: skip
def test_values_are_within_the_bounds(drawn, said, low, high):
    found = np.array([one["p"] for one in drawn(said)])
    assert found.min() >= low
    assert found.max() <= high
    assert len(np.unique(found)) > 2


@both
@pytest.mark.parametrize("said", [{"randint": [3, 8]}, {"quniform": [1, 9, 2]}])
def test_whole_numbers_are_pythons_own(drawn, said):
    assert {type(one["p"]) for one in drawn(said)} == {int}


@both
def test_normal_distributions_are_normal(drawn):
    found = np.array([one["p"] for one in drawn({"normal": [5, 2]}, 500)])
    assert (found.mean(), found.std()) == (pytest.approx(5, abs=0.3), pytest.approx(2, abs=0.3))
    logs = np.log([one["p"] for one in drawn({"lognormal": [1, 0.5]}, 500)])
    assert (logs.mean(), logs.std()) == (pytest.approx(1, abs=0.1), pytest.approx(0.5, abs=0.1))


@both
def test_choices_nest_and_each_branch_has_its_own_parameters(drawn):
    said = {"choice": [{"a": {"uniform": [0, 1]}}, {"b": {"choice": [1, {"randint": [5, 7]}]}}]}
    found = drawn(said)
    assert {tuple(one) for one in found} == {("a",), ("b",)}
    assert {one["b"] for one in found if "b" in one} == {1, 5, 6}


@both
def test_a_choice_takes_anything(drawn):
    found = drawn({"choice": ["hist", None, [1, 2]]})
    assert all(one["p"] in ("hist", None, [1, 2]) for one in found)
    assert len({str(one["p"]) for one in found}) == 3
