import pytest

from tests.recipe.small import TEXT
from throughline.errors import UserError
from throughline.recipe.file import parse_recipe, with_overrides

SPACE = "space: {max_depth: {randint: [2, 5]}}"


def recipe(line):
    return parse_recipe(f"{TEXT.rstrip()}\n{line}\n")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "search: {family: xgboost, space: {}}",
            "at search.space: the space is empty; give it a parameter",
        ),
        (
            "search: {family: xgboost, space: {max_depth: {randint: [5, 2]}}}",
            "at search.space: the bounds of 'max_depth' are upside down: 5 is not below 2",
        ),
        (
            f"search: {{family: xgboost, max_evals: 0, {SPACE}}}",
            "at search.max_evals: input should be greater than or equal to 1",
        ),
        (f"search: {{{SPACE}}}", "the search names no family"),
        (
            "search: {space: {family: {choice: [xgbost]}}}",
            "an unknown family 'xgbost'; did you mean 'xgboost'",
        ),
        (
            f"search: {{family: xgboost, engine: optuna, algo: anneal, {SPACE}}}",
            "anneal is Hyperopt's",
        ),
        (f"search: {{family: xgboost, engine: optuna, trials: spark, {SPACE}}}", "are Hyperopt's"),
        (f"search: {{family: xgboost, pruner: median, {SPACE}}}", "pruning is Optuna's"),
        ("grid_search: {family: xgboost, grid: {max_depth: [3]}}", "'xgboost' is none"),
        (
            "grid_search: {family: spark_gbt, grid: {}}",
            "at grid_search.grid: the grid is empty",
        ),
        (
            "grid_search: {family: spark_gbt, grid: {maxDepth: []}}",
            "the grid has no values for 'maxDepth'",
        ),
        (
            "grid_search: {family: spark_gbt, grid: {maxDepth: [3]}, parameters: {maxDepth: 2}}",
            "'maxDepth' is both in the grid and fixed",
        ),
        ("grid_search: {family: spark_gbt, grid: {maxDepth: [3]}, numFolds: 1}", "numFolds: input"),
        (
            "grid_search: {family: spark_gbt, grid: {maxDepth: [3]}, trainRatio: 1}",
            "trainRatio: input",
        ),
    ],
)
def test_what_cannot_be_searched_is_refused_when_the_recipe_is_read(line, message):
    with pytest.raises(UserError, match="The recipe") as refusal:
        recipe(line)
    assert message in str(refusal.value)


def test_the_families_and_the_sets_of_parameters_of_a_nested_space():
    found = recipe(
        "search: {parameters: {seed: 3}, space: {model: {choice: ["
        "{family: xgboost, max_depth: {randint: [2, 5]}}, "
        "{family: sklearn_boosting, max_iter: 50}]}}}"
    ).search
    assert found.families == ["xgboost", "sklearn_boosting"]
    assert found.branches == [
        {"family": "xgboost", "seed": 3, "max_depth": None},
        {"family": "sklearn_boosting", "seed": 3, "max_iter": 50},
    ]


def test_a_prepared_recipe_may_be_searched_otherwise():
    before = recipe(f"search: {{family: xgboost, {SPACE}}}")
    parts = ("search", "grid_search")
    after = with_overrides(before, "search.max_evals=3,search.engine=optuna", parts)
    assert (after.search.max_evals, after.search.engine) == (3, "optuna")
    assert after.prepare == before.prepare
    with pytest.raises(
        UserError, match="split.seed=3 .* changes what prep has done; give it to prep"
    ):
        with_overrides(before, "split.seed=3", parts)
    with pytest.raises(UserError, match="set=search.max_evals=0, at search.max_evals"):
        with_overrides(before, "search.max_evals=0", parts)
