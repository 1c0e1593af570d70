"""Which parts of a recipe count for which step."""

import pytest

from tests.steps.conftest import PROJECT
from throughline.recipe.file import load_recipe
from throughline.recipe.parts import LATER, parts_of, prepared_otherwise
from throughline.recipe.recipe import Recipe

FILE = PROJECT / "recipes/flights.yaml"
STEPS = ("prep", "train", "tune", "distributed_train", "register")


@pytest.mark.parametrize(
    ("change", "steps"),
    [
        ("split.validation=0.2", {"prep"}),
        ("source.where=distance > 0", {"prep"}),
        ("models.0.name=first", {"train"}),
        ("search.seed=9", {"tune"}),
        ("promote.beat_champion=false", {"register"}),
        ("metric=pr_auc", {"train", "tune", "distributed_train", "register"}),
    ],
)
def test_a_change_reaches_the_steps_that_use_it(change: str, steps: set[str]) -> None:
    if " " in change:
        old, data = load_recipe(FILE), load_recipe(FILE).model_dump(mode="json", by_alias=True)
        data["source"]["where"] = "distance > 0"
        new = Recipe.model_validate(data)
    else:
        old, new = load_recipe(FILE), load_recipe(FILE, change)
    assert {step for step in STEPS if parts_of(old, step) != parts_of(new, step)} == steps
    assert bool(prepared_otherwise(old, new)) == ("prep" in steps)


def test_the_network_is_a_model_of_its_own_step() -> None:
    recipe = load_recipe(FILE)
    (index,) = [i for i, model in enumerate(recipe.models) if model.family == "network"]
    new = load_recipe(FILE, f"models.{index}.name=net")
    changed = {step for step in STEPS if parts_of(recipe, step) != parts_of(new, step)}
    assert changed == {"distributed_train"}


def test_every_part_of_a_recipe_counts_for_some_step() -> None:
    recipe = load_recipe(FILE)
    used = {name for step in STEPS for name in parts_of(recipe, step)}
    assert used == set(Recipe.model_fields)
    assert set(LATER) <= used
