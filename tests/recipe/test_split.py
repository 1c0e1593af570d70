import datetime as dt

import pytest

from tests.recipe.small import TEXT, refused
from throughline.recipe.file import parse_recipe
from throughline.recipe.recipe import Recipe


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2013-10-01", dt.datetime(2013, 10, 1)),
        ("2013-10-01T04:00:00Z", dt.datetime(2013, 10, 1, 4, tzinfo=dt.UTC)),
        ("2013-10-01T00:00:00-04:00", dt.datetime(2013, 10, 1, 4, tzinfo=dt.UTC)),
    ],
)
def test_test_from_is_a_day_or_a_moment(written, moment):
    assert parse_recipe(TEXT.replace("2013-10-01", written)).split.test_from == moment


SHARES = "test: 0.2, validation: 0.1"


def with_split(text):
    return TEXT.replace("split:\n  by: t\n  test_from: 2013-10-01\n", f"split: {text}\n")


@pytest.mark.parametrize(
    "written",
    [
        "{by: t, test: 0.2}",
        "{by: t, test: 0.2, validation: 0.15}",
        f"{{random: {{{SHARES}}}, seed: 3}}",
        f"{{stratified: {{{SHARES}}}}}",
        f"{{stratified: {{{SHARES}, by: [k, odd name]}}}}",
        f"{{group: {{{SHARES}, by: [customer]}}}}",
    ],
)
def test_every_way_to_split_survives_its_own_json(written):
    recipe = parse_recipe(with_split(written))
    assert recipe.split.seed in (3, 7)
    assert Recipe.model_validate_json(recipe.model_dump_json(by_alias=True)) == recipe


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{}", "at split: a split is either by time"),
        ("{by: t}", "at split: a split is either by time"),
        ("{test: 0.2}", "at split: a split is either by time"),
        ("{by: t, test: 0.2, test_from: 2013-10-01}", "at split: a split is either by time"),
        (f"{{by: t, random: {{{SHARES}}}}}", "at split: a split is either by time"),
        (f"{{validation: 0.1, random: {{{SHARES}}}}}", "at split: a split is either by time"),
        (
            f"{{random: {{{SHARES}}}, group: {{{SHARES}, by: [k]}}}}",
            "at split: a split is either by time",
        ),
        ("{by: t, test: 0.5, validation: 0.5}", "at split: test and validation leave no rows"),
        ("{random: {test: 0.7, validation: 0.3}}", "at split.random: test and validation leave no"),
        (
            "{stratified: {test: 0.6, validation: 0.6}}",
            "at split.stratified: test and validation leave no rows",
        ),
        (f"{{group: {{{SHARES}}}}}", "at split.group: the key 'by' is missing"),
        (f"{{group: {{{SHARES}, by: []}}}}", "at split.group.by"),
        ("{random: {test: 0, validation: 0.3}}", "at split.random.test"),
    ],
)
def test_refuses_a_split_that_is_not_exactly_one_way(written, message):
    sentence = refused(with_split(written))
    assert sentence.startswith("The recipe my.yaml, line 8, ")
    assert message in sentence


def test_a_stratified_split_of_a_regression_names_its_columns():
    text = with_split(f"{{stratified: {{{SHARES}}}}}")
    text = text.replace("classification", "regression").replace("roc_auc", "rmse")
    assert "stratified split of a regression wants 'by'" in refused(text)
    assert parse_recipe(text.replace("0.1}", "0.1, by: [k]}")).split.stratified.by == ("k",)
