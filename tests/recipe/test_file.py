import pytest

from tests.recipe.small import TEXT, refused
from throughline.errors import UserError
from throughline.recipe.file import load_recipe, parse_recipe


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


def test_a_key_in_brackets_is_no_word():
    with pytest.raises(UserError, match="line .* does not parse: a key must be a word"):
        parse_recipe(f"{TEXT.rstrip()}\n[a]: 1\n")
