import numpy as np
import pytest

from throughline.recipe.space import parse_space
from throughline.tuning.optuna_space import drawn_by


def drawn(said, count=200):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = parse_space({"p": said})
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=7))
    return [drawn_by(study.ask(), space) for _ in range(count)]


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [({"uniform": [0.5, 1]}, 0.5, 1), ({"loguniform": [0.01, 10]}, 0.01, 10),
     ({"randint": [3, 8]}, 3, 7), ({"quniform": [0, 10, 5]}, 0, 10), ({"randint": [4]}, 0, 3),
     ({"qloguniform": [1, 64, 8]}, 0, 64)],
)  # fmt: skip
def test_values_are_within_the_bounds(said, low, high):
    found = np.array([one["p"] for one in drawn(said)])
    assert found.min() >= low
    assert found.max() <= high
    assert len(np.unique(found)) > 2


@pytest.mark.parametrize("said", [{"randint": [3, 8]}, {"quniform": [1, 9, 2]}])
def test_whole_numbers_are_pythons_own(said):
    assert {type(one["p"]) for one in drawn(said)} == {int}


def test_normal_distributions_are_normal():
    found = np.array([one["p"] for one in drawn({"normal": [5, 2]}, 500)])
    assert (found.mean(), found.std()) == (pytest.approx(5, abs=0.3), pytest.approx(2, abs=0.3))
    logs = np.log([one["p"] for one in drawn({"lognormal": [1, 0.5]}, 500)])
    assert (logs.mean(), logs.std()) == (pytest.approx(1, abs=0.1), pytest.approx(0.5, abs=0.1))


def test_choices_nest_and_each_branch_has_its_own_parameters():
    said = {"choice": [{"a": {"uniform": [0, 1]}}, {"b": {"choice": [1, {"randint": [5, 7]}]}}]}
    found = drawn(said)
    assert {tuple(one) for one in found} == {("a",), ("b",)}
    assert {one["b"] for one in found if "b" in one} == {1, 5, 6}
