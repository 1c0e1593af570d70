import pytest

from tests.recipe.small import TEXT
from throughline.errors import UserError
from throughline.recipe.file import parse_recipe


def test_words_that_older_yaml_takes_for_yes_and_no_stay_words():
    recipe = parse_recipe(TEXT.replace("[id]", "[no, yes, on, off, NO, n]"))
    assert recipe.key == ("no", "yes", "on", "off", "NO", "n")
    assert recipe.source.joins[0].on == recipe.key
    flagged = parse_recipe(TEXT.replace("columns: [x]}", "columns: [x], flag: true}"))
    assert flagged.prepare[0].flag is True


def test_words_that_only_begin_like_others_and_impossible_days_are_words():
    text = TEXT.replace("key: [id]", "key: [trueish, 1e3x, 2013-13-45, 010, 1_000, 1:30]")
    with pytest.raises(UserError, match=r"at key\.3"):
        parse_recipe(text, "my.yaml")
    recipe = parse_recipe(text.replace("010, ", ""), "my.yaml")
    assert recipe.key == ("trueish", "1e3x", "2013-13-45", "1_000", "1:30")


@pytest.mark.parametrize(
    ("written", "value"),
    [("010", 10), ("0o10", 8), ("0x1F", 31), ("1e-3", 0.001), ("1.", 1.0), (".5", 0.5), ("+3", 3),
     ("yes", "yes"), ("True", True), ("~", None), ("'3'", "3")],
)  # fmt: skip
def test_values_are_those_of_yaml_1_2(written, value):
    given = f"xgboost, parameters: {{max_depth: {written}}}"
    recipe = parse_recipe(TEXT.replace("xgboost", given))
    found = recipe.models[0].parameters["max_depth"]
    assert found == value and type(found) is type(value)
