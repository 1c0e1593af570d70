import pytest

from tests.recipe.small import TEXT
from throughline.errors import UserError
from throughline.recipe.file import parse_recipe
from throughline.recipe.threshold import Cost


def written(line):
    return f"{TEXT.rstrip()}\n{line}\n"


def test_f1_unless_the_recipe_says_what_mistakes_cost():
    assert parse_recipe(TEXT).threshold.cost is None
    assert parse_recipe(written("threshold: f1")).threshold == parse_recipe(TEXT).threshold
    cost = "threshold: {cost: {false_positive: 1, false_negative: 5}}"
    assert parse_recipe(written(cost)).threshold.cost == Cost(false_positive=1, false_negative=5)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("threshold: f2", "at threshold: a threshold is 'f1' or 'cost' with its"),
        ("threshold: {costs: {}}", "unknown key 'costs'; did you mean 'cost'"),
        ("threshold: {cost: {false_positive: 1}}", "the key 'false_negative' is missing"),
        ("threshold: {cost: {false_positive: 0, false_negative: 1}}", "greater than 0, not 0"),
        ("slices: [y]", "the slice reads 'y', which is known only afterwards"),
        ("slices: [a, a]", "the column 'a' stands twice"),
    ],
)
def test_mistakes(line, sentence):
    with pytest.raises(UserError, match=sentence):
        parse_recipe(written(line))


def test_a_regression_has_no_threshold():
    regression = TEXT.replace("classification", "regression").replace("roc_auc", "rmse")
    cost = "threshold: {cost: {false_positive: 1, false_negative: 5}}"
    with pytest.raises(UserError, match="only a classification has a threshold"):
        parse_recipe(f"{regression.rstrip()}\n{cost}\n")


def test_mistakes_cost_what_the_recipe_says():
    assert Cost(false_positive=2, false_negative=5).of(3, 1) == 11
