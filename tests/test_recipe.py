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
    recipe = parse_recipe(TEXT.replace("[id]", "[no, yes, on, off, NO, y]"))
    assert recipe.key == ("no", "yes", "on", "off", "NO", "y")
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


def test_the_committed_schema_is_the_recipes():
    written = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert written == json_schema(), "run: python -m throughline.recipe > " + str(SCHEMA)


def test_the_module_prints_the_schema():
    command = [sys.executable, "-m", "throughline.recipe"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PROJECT)
    assert shown.stdout == SCHEMA.read_text(encoding="utf-8")


def test_the_schema_accepts_the_recipes_and_refuses_mistakes():
    from throughline.recipe_file import _Loader

    validator = jsonschema.Draft202012Validator(json_schema())
    validator.check_schema(json_schema())
    for path in PROJECT.glob("recipes/*.yaml"):
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
        data = json.loads(json.dumps(data, default=dt.datetime.isoformat))
        assert [error.message for error in validator.iter_errors(data)] == []
        for path_to, value in (("name", 5), ("keys", ["x"]), ("prepare", [{"scal": {}}])):
            assert not validator.is_valid({**data, path_to: value})
