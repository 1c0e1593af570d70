import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from throughline.errors import UserError
from throughline.recipe import Recipe, json_schema
from throughline.recipe_file import load_recipe, parse_recipe

PROJECT = Path(__file__).parents[1]
FLIGHTS = PROJECT / "recipes" / "flights.yaml"
SCHEMA = PROJECT / "recipes" / "recipe.schema.json"
TEXT = """\
name: small
source:
  table: rows.parquet
  joins:
    - {table: other.csv, on: [id], how: left}
key: [id]
label: {name: y, task: classification}
split:
  by: t
  test_from: 2013-10-01
prepare:
  - impute: {columns: [x]}
  - scale:
      columns: [x]
metric: roc_auc
models:
  - {family: xgboost}
"""


def refused(text):
    with pytest.raises(UserError) as raised:
        parse_recipe(text, "my.yaml")
    return str(raised.value)


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


def test_words_that_older_yaml_takes_for_yes_and_no_stay_words():
    recipe = parse_recipe(TEXT.replace("[id]", "[no, yes, on, off, NO, n]"))
    assert recipe.key == ("no", "yes", "on", "off", "NO", "n")
    assert recipe.source.joins[0].on == recipe.key
    flagged = parse_recipe(TEXT.replace("columns: [x]}", "columns: [x], flag: true}"))
    assert flagged.prepare[0].flag is True


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


ROLLING = (
    "history:\n  - rolling: {of: x, by: [k], time: t, at: t, within: WITHIN, functions: [mean]}\n"
)


@pytest.mark.parametrize(
    ("written", "seconds", "name"),
    [("90m", 5400, "90m"), ("3h", 10800, "3h"), ("2 d", 172800, "2d"), ("45s", 45, "45s"),
     ("60m", 3600, "1h"), ("7200", 7200, "2h")],
)  # fmt: skip
def test_durations(written, seconds, name):
    rolling = parse_recipe(TEXT + ROLLING.replace("WITHIN", written)).history[0].rolling
    assert rolling.within == seconds
    assert rolling.output("mean") == f"x_mean_{name}_by_k"


@pytest.mark.parametrize("written", ["3 weeks", "h", "-3h", "0s", "true", "1.5h", "''"])
def test_refuses_what_is_no_duration(written):
    sentence = refused(TEXT + ROLLING.replace("WITHIN", written))
    assert sentence.startswith("The recipe my.yaml, line 19, at history.0.rolling.within: ")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("key: [id]", "keys: [id]", 6, "unknown key 'keys'; did you mean 'key'?"),
        ("how: left", "how: left, prefx: a", 5, "unknown key 'prefx'; did you mean 'prefix'?"),
        ("how: left", "how: outer", 5, "at source.joins.0.how: input should be 'left' or 'inner'"),
        ("  by: t", "  bye: t", 9, "unknown key 'bye'; did you mean 'by'?"),
        ("  - scale:", "  - scal:", 13, "unknown op 'scal'; did you mean 'scale'?"),
        ("      columns: [x]", "      column: [x]", 14, "unknown key 'column'; did you mean"),
        ("      columns: [x]", "      columns: []", 14, "columns"),
        ("- impute: {columns: [x]}", "- impute: {columns: x}", 12, "not 'x'"),
        ("metric: roc_auc\n", "", 1, "the key 'metric' is missing"),
        ("metric: roc_auc", "metric: auc", 15, "at metric: input should be 'roc_auc'"),
        ("metric: roc_auc", "metric: rmse", 1, "the metric 'rmse' is not one of a classification"),
        ("family: xgboost", "family: xgbost", 17, "input should be 'spark_linear'"),
        ("  test_from: 2013-10-01\n", "", 8, "a split is either by time"),
        ("2013-10-01", "first of May", 10, "at split.test_from"),
        ("test_from: 2013-10-01", "test: 0.9", 8, "leave no rows for training"),
        ("name: y,", "name: y, from: x >,", 7, "does not parse"),
        ("table: rows.parquet", "table: rows.parquet\n  where: x + 1", 4, "is not a condition"),
        (
            "  - {family: xgboost}",
            "  - {family: xgboost}\n  - {family: xgboost}",
            1,
            "stands there twice",
        ),
        ("name: small", "name: 1 small", 1, "at name: "),
    ],
)
def test_errors_name_file_line_and_key(old, new, line, message):
    assert old in TEXT
    sentence = refused(TEXT.replace(old, new))
    assert sentence.startswith(f"The recipe my.yaml, line {line}, at "), sentence
    assert message in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "my.yaml, line 1 does not parse"),
        ("name: a\n\tkey: b", "my.yaml, line 2 does not parse"),
        ("", "must be a YAML mapping"),
        ("- a", "must be a YAML mapping"),
        ("!!python/object/apply:os.system ['true']", "does not parse"),
        ("name: a\nname: b\n" + TEXT, "the key 'name' stands twice"),
    ],
)
def test_refuses_what_is_no_recipe(text, message):
    assert message in refused(text)


def test_refuses_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml cannot be read: No such file"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"name: \xe9\n")
    with pytest.raises(UserError, match=r"latin\.yaml cannot be read"):
        load_recipe(tmp_path / "latin.yaml")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        load_recipe(tmp_path)


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("", ("warn", 0.01)),
        ("contract: refuse", ("refuse", 0.01)),
        ("contract: {on_violation: ignore, tolerance: 0}", ("ignore", 0.0)),
        ("contract: {tolerance: 0.2}", ("warn", 0.2)),
    ],
)
def test_a_contract_is_a_word_or_more(written, rule):
    contract = parse_recipe(f"{TEXT}{written}\n").contract
    assert (contract.on_violation, contract.tolerance) == rule


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("warm", "input should be 'warn', 'refuse' or 'ignore', not 'warm'"),
        ("{on_violaton: warn}", "unknown key 'on_violaton'; did you mean 'on_violation'?"),
        ("{tolerance: 1}", "at contract.tolerance: input should be less than 1"),
    ],
)
def test_refuses_what_is_no_contract(written, message):
    assert message in refused(f"{TEXT}contract: {written}\n")


def test_the_schema_takes_a_contract_in_a_word():
    rule = json_schema()["$defs"]["ContractRule"]
    validator = jsonschema.Draft202012Validator(rule)
    for good in ("refuse", {"on_violation": "warn", "tolerance": 0.1}, {}):
        assert validator.is_valid(good)
    for bad in ("warm", {"on_violation": "warm"}, {"tolerance": 1}, {"tolerence": 0.1}):
        assert not validator.is_valid(bad)


def test_the_committed_schema_is_the_recipes():
    written = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert written == json_schema(), "run: python -m throughline.recipe > " + str(SCHEMA)


def test_the_module_prints_the_schema():
    command = [sys.executable, "-m", "throughline.recipe"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert shown.stdout == SCHEMA.read_text(encoding="utf-8")


def test_the_schema_accepts_the_recipes_and_refuses_mistakes():
    from throughline.yaml12 import Loader

    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    for path in PROJECT.glob("recipes/*.yaml"):
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506
        data = json.loads(json.dumps(data, default=dt.datetime.isoformat))
        assert [error.message for error in validator.iter_errors(data)] == []
        for path_to, value in (("name", 5), ("keys", ["x"]), ("prepare", [{"scal": {}}])):
            assert not validator.is_valid({**data, path_to: value})


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


def test_a_key_in_brackets_is_no_word():
    with pytest.raises(UserError, match="line .* does not parse: a key must be a word"):
        parse_recipe(f"{TEXT.rstrip()}\n[a]: 1\n")
