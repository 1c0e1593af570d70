import datetime as dt

import pytest

from tests.recipe import small
from throughline.errors import UserError
from throughline.recipe.file import load_recipe, parse_recipe

TEXT = small.TEXT.replace(
    "  - {family: xgboost}\n",
    "  - {family: xgboost, parameters: &p {max_depth: 3}}\n"
    "  - {family: xgboost, name: second, parameters: *p}\n",
)


def overridden(overrides):
    return parse_recipe(TEXT, "my.yaml", overrides)


def refused(overrides):
    sentence = small.refused(TEXT, overrides)
    assert sentence.endswith(".") and "\n" not in sentence and "line" not in sentence
    return sentence


def test_none_overrides_nothing():
    assert overridden("none") == parse_recipe(TEXT)


def test_an_override_is_as_if_it_stood_in_the_file(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(TEXT)
    written = TEXT.replace("2013-10-01", "2013-10-01\n  validation: 0.2")
    assert load_recipe(path, "split.validation=0.2") == parse_recipe(written)


@pytest.mark.parametrize(
    ("overrides", "look", "value"),
    [
        ("split.seed=3,promote.beat_champion=false", lambda r: r.split.seed, 3),
        ("split.seed=3,promote.beat_champion=false", lambda r: r.promote.beat_champion, False),
        ("models.0.parameters.max_depth=5", lambda r: r.models[0].parameters, {"max_depth": 5}),
        ("models.0.parameters.max_depth=5", lambda r: r.models[1].parameters, {"max_depth": 3}),
        ("models.0.parameters.eta=1e-3", lambda r: r.models[0].parameters["eta"], 0.001),
        ("models.0.parameters.eta=-2", lambda r: r.models[0].parameters["eta"], -2),
        ("models.0.parameters.a=b=c", lambda r: r.models[0].parameters["a"], "b=c"),
        ("models.0.parameters.a=NO", lambda r: r.models[0].parameters["a"], "NO"),
        ("models.0.parameters.a==", lambda r: r.models[0].parameters["a"], "="),
        ("models.0.parameters.a=-", lambda r: r.models[0].parameters["a"], "-"),
        ("models.0.parameters.a=null", lambda r: r.models[0].parameters["a"], None),
        ("source.joins.0.how=inner", lambda r: r.source.joins[0].how, "inner"),
        ("source.table=sample:p/t", lambda r: r.source.table, "sample:p/t"),
        (
            "prepare.1.scale.with=robust",
            lambda r: r.prepare[1].model_dump(by_alias=True)["with"],
            "robust",
        ),
        (
            "split.test_from=2013-11-01T04:00:00Z",
            lambda r: r.split.test_from,
            dt.datetime(2013, 11, 1, 4, tzinfo=dt.UTC),
        ),
        ("split.test_from=null,split.test=0.2", lambda r: r.split.test, 0.2),
        ("promote.at_least.roc_auc=0.6", lambda r: r.promote.at_least, {"roc_auc": 0.6}),
    ],
)
def test_values_are_read_as_in_the_file(overrides, look, value):
    assert look(overridden(overrides)) == value


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ("split.validaton=0.2", ["set=split.validaton=0.2, at split: unknown key", "'validation'"]),
        ("splt.seed=2", ["set=splt.seed=2, at the top level: unknown key 'splt'", "'split'"]),
        ("split.validation=2", ["my.yaml with set=split.validation=2, at split.validation"]),
        ("metric=auc,split.seed=3", ["with set=metric=auc, at metric: input should be"]),
        ("split.seed=3,metric=rmse", ["set=split.seed=3,metric=rmse", "'rmse' is not one of"]),
        ("prepare.0.impute.strategy=medan", ["set=prepare.0.impute.strategy=medan, at prepare.0"]),
        ("split.test_from=2013-13-45", ["set=split.test_from=2013-13-45, at split.test_from"]),
        ("search.max_evals=3", ["set=search.max_evals=3, at search.space: the key 'space'"]),
        ("prepare.7.scale.with=robust", ["'7' in the list prepare, whose 2 entries"]),
        ("models.first.name=a", ["'first' in the list models"]),
        ("name.first=a", ["name.first=a (set) leads into name, which the recipe has as 'small'"]),
        ("split.seed", ["'split.seed' (set) must be key=value"]),
        ("split.seed=", ["'split.seed=' (set) must be key=value"]),
        ("=3", ["must be key=value"]),
        ("split..seed=3", ["must be key=value"]),
        ("split.seed=3,", ["'' (set) must be key=value"]),
        ("", ["'' (set) must be key=value"]),
        ("source.where=x > 1", ["'source.where=x > 1' (set) has other characters"]),
        ("features=[x]", ["has other characters"]),
        ("split.seed=3,split.seed=4", ["split.seed=4 (set) comes after split.seed=3"]),
    ],
)
def test_a_mistake_is_a_sentence_that_names_the_override(overrides, said):
    sentence = refused(overrides)
    for words in said:
        assert words in sentence, sentence


def test_a_mistake_of_the_file_itself_is_told_with_its_line():
    with pytest.raises(UserError, match=r"my\.yaml, line 15, at metric"):
        parse_recipe(TEXT.replace("roc_auc", "auc"), "my.yaml", "split.seed=3")
