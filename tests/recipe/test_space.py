import pytest

from throughline.recipe.space import Choice, Distribution, combinations, parse_space, resolve


def test_a_walk_draws_only_what_it_comes_by():
    space = parse_space(
        {
            "x": {"uniform": [0, 1]},
            "model": {
                "choice": [
                    {"family": "xgboost", "max_depth": {"randint": [2, 5]}},
                    {"family": "sklearn_boosting", "max_iter": {"quniform": [10, 50, 10]}, "k": 3},
                ]
            },
        }
    )
    asked = []

    def draw(node):
        asked.append(node.label)
        return 1 if isinstance(node, Choice) else 7

    found = resolve(space, draw)
    assert found == {"x": 7, "family": "sklearn_boosting", "max_iter": 7, "k": 3}
    assert asked == ["x", "model", "model.1.max_iter"]


def test_an_option_may_be_a_distribution_of_the_same_parameter():
    space = parse_space({"depth": {"choice": [None, {"randint": [2, 5]}, {"choice": ["a", [1]]}]}})
    options = space["depth"].options
    assert options[0] is None
    assert options[1] == Distribution("depth.1", "randint", (2, 5))
    assert options[2] == Choice("depth.2", ("a", [1]))


def test_the_sets_of_parameters_that_there_may_be():
    families = parse_space({"family": {"choice": ["xgboost", "torch"]}, "x": {"uniform": [0, 1]}})
    assert combinations(families) == [
        {"family": "xgboost", "x": None},
        {"family": "torch", "x": None},
    ]
    mixed = parse_space({"a": {"choice": [1, {"b": 2, "c": {"normal": [0, 1]}}]}})
    assert combinations(mixed) == [{"b": 2, "c": None}, {"a": None}]


@pytest.mark.parametrize(
    ("said", "whole"),
    [({"randint": [1, 5]}, True), ({"quniform": [0, 10, 5]}, True), ({"uniform": [0, 1]}, False),
     ({"quniform": [0, 10, 0.5]}, False), ({"qloguniform": [1, 64, 8]}, True)],
)  # fmt: skip
def test_steps_of_whole_numbers_are_whole(said, whole):
    assert parse_space({"p": said})["p"].whole is whole


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
        ({"uniform": [0, float("inf")]}, "must give uniform numbers"),
        ({"uniform": 5}, "must give uniform a list"),
        ({"choice": []}, "must give choice a list"),
        ({"loguniform": [0, 1]}, "are values above 0, not logarithms"),
        ({"loguniform": [-3, 0]}, "are values above 0, not logarithms"),
        ({"randint": [0.5, 3]}, "must give randint whole numbers"),
        ({"randint": [0]}, "must give randint a bound above 0"),
        ({"normal": [0, 0]}, "the deviation of 'p' is 0"),
        ({"quniform": [0, 1, 0]}, "the step of 'p' is 0"),
        ({"uniform": [0, 1], "choice": [1]}, "must be one distribution"),
        ({"choice": [{"q": {"uniform": [3, 1]}}]}, "the bounds of 'q' are upside down"),
        ({"choice": [{"choice": []}]}, "must give choice a list"),
        ({}, "must be one distribution"),
    ],
)
def test_refuses_what_is_no_distribution(said, message):
    with pytest.raises(ValueError, match=message):
        parse_space({"p": said})


def test_refuses_an_empty_space():
    with pytest.raises(ValueError, match="the space is empty"):
        parse_space({})
