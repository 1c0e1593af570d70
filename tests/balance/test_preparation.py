"""Balance in a recipe, from its text to the written training rows."""

import logging

import numpy as np
import pytest

from throughline.errors import UserError
from throughline.outputs import Output
from throughline.preparation import prepare
from throughline.prepared import PreparedTable
from throughline.recipe.file import parse_recipe
from throughline.recipe.recipe import Recipe


@pytest.fixture
def made(spark, small_recipe_text, small_table, tmp_path):
    """Prepares the small table with a balance."""

    def do(balance):
        text = f"{small_recipe_text}balance: {balance}\n".replace("TABLE", str(small_table))
        recipe = parse_recipe(text)
        assert Recipe.model_validate_json(recipe.model_dump_json(by_alias=True)) == recipe
        output = Output.below(str(tmp_path), "prepared")
        found = prepare(spark, recipe, output, "unused", row_groups=2)
        return found, PreparedTable.open(output.uri)

    return do


@pytest.mark.parametrize(
    ("balance", "what"),
    [
        ("{smote: {ratio: 1.0}}", "rows_synthetic"),
        ("{undersample: {}}", "rows_dropped"),
        ("{class_weight: balanced}", ""),
    ],
)
def test_only_the_training_rows_are_balanced(made, prepared, caplog, balance, what):
    with caplog.at_level(logging.INFO, logger="throughline"):
        found, table = made(balance)
    assert found.rows == table.rows == prepared.rows  # the real ones
    before, after = prepared.columns("train"), dict(table.columns("train"))
    for part in ("validation", "test"):
        assert len(table.columns(part)["late"]) == prepared.rows[part]
        assert set(table.columns(part)) == set(before)
    weights = after.pop("__weight", None)
    assert {name: v.dtype for name, v in after.items()} == {n: v.dtype for n, v in before.items()}
    few, many = sorted(np.bincount(before["late"]))
    counts = np.bincount(after["late"])
    if what == "rows_synthetic":
        assert counts.tolist() == [many, many]
        assert found.balance == {"rows_synthetic": many - few}
        assert any("training rows synthetic" in message for message in caplog.messages)
    elif what == "rows_dropped":
        assert found.balance == {"rows_dropped": few + many - counts.sum()}
        assert counts.min() == few
        assert few <= counts.max() < many
    else:
        assert found.balance == {}
        assert table.layout.weight == "__weight"
        sums = [weights[after["late"] == label].sum() for label in (0, 1)]
        assert sums[0] == pytest.approx(sums[1])
    assert (weights is None) == (table.layout.weight is None) == (what != "")


def test_an_unknown_class_leaves_no_preparation(made, tmp_path):
    with pytest.raises(UserError, match="names the class 'yes', which is not among the training"):
        made("{class_weight: {yes: 2}}")
    with pytest.raises(UserError, match="no finished output"):
        PreparedTable.open(str(tmp_path / "prepared"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", "at balance: balance is one of 'smote', 'undersample' and 'class_weight'"),
        ("{}", "{smot: {}}", "unknown key 'smot'; did you mean 'smote'"),
        ("{}", "{smote: {ratio: 2}}", "at balance.smote.ratio: input should be less than"),
        ("{}", "{class_weight: {0: -1}}", "at balance.class_weight"),
    ],
)
def test_a_recipes_mistake_is_named(small_recipe_text, old, new, message):
    text = f"{small_recipe_text}balance: {{}}\n"
    with pytest.raises(UserError) as raised:
        parse_recipe(text.replace(f"balance: {old}", f"balance: {new}") if old else text)
    assert message in str(raised.value)


def test_a_regression_is_not_balanced(small_recipe_text):
    text = f"{small_recipe_text}balance: {{smote: {{}}}}\n"
    text = text.replace("from: delay > 30, task: classification", "from: delay, task: regression")
    with pytest.raises(UserError, match="line 18, at balance: only a classification can be"):
        parse_recipe(text.replace("roc_auc", "rmse"))
