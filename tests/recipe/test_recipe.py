import json
from pathlib import Path

import pytest

from tests.recipe.small import TEXT
from throughline.errors import UserError
from throughline.recipe.file import load_recipe, parse_recipe
from throughline.recipe.recipe import Recipe

FLIGHTS = Path(__file__).parents[2] / "recipes" / "flights.yaml"


def test_the_default_recipe_loads():
    recipe = load_recipe(FLIGHTS)
    assert recipe.name == "flights-late"
    assert recipe.history[0].rolling.within == 3 * 3600
    assert recipe.history[0].outputs == [
        "dep_delay_mean_3h_by_origin",
        "dep_delay_count_3h_by_origin",
    ]


@pytest.mark.parametrize("text", [TEXT, FLIGHTS.read_text(encoding="utf-8")])
def test_a_recipe_survives_its_own_json(text):
    recipe = parse_recipe(text)
    written = json.dumps(recipe.model_dump(mode="json", by_alias=True))
    read = Recipe.model_validate_json(written)
    assert read == recipe
    assert read.digest() == recipe.digest()


def test_the_digest_is_of_what_the_recipe_says_not_how_it_is_written():
    same = TEXT.replace("key: [id]", "key:   # the row\n  - id")
    assert parse_recipe(same).digest() == parse_recipe(TEXT).digest()
    other = TEXT.replace("columns: [x]}", "columns: [x], strategy: mean}")
    assert parse_recipe(other).digest() != parse_recipe(TEXT).digest()


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("history", "[{count: {by: [id, y]}}]", "the count reads 'y', which is known only"),
        ("moments", "{a.b: {from: t}}", "the name 'a.b' has a dot or a backtick"),
    ],
)
def test_what_would_leak_or_stumble_is_refused(key, value, sentence):
    with pytest.raises(UserError, match=sentence):
        parse_recipe(f"{TEXT.rstrip()}\n{key}: {value}\n")


def test_a_login_in_a_tables_address_is_refused_and_not_shown():
    text = TEXT.replace("rows.parquet", "https://host/t.csv?sig=abc")
    assert text != TEXT
    with pytest.raises(UserError, match="at source.table: the address https://host/t.csv") as c:
        parse_recipe(text)
    assert "abc" not in str(c.value)


@pytest.mark.parametrize("source", ["", "from: delay, "])
def test_a_moment_made_of_the_label_is_known_only_afterwards(source):
    moments = "moments: {due: {from: t}, arrived: {from: t, plus_minutes: y + 1}}"
    label = f"label: {{name: y, {source}task: regression}}"
    text = TEXT.replace("label: {name: y, task: classification}", label)
    recipe = parse_recipe(f"{text.replace('roc_auc', 'rmse').rstrip()}\n{moments}\n")
    assert recipe.afterwards == {"arrived", *(["delay"] if source else [])}
