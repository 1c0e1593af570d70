import re

import numpy as np
import pandas as pd
import pytest

from throughline.evaluation.part import block_of, blocks_of, read_part
from throughline.outputs import Output
from throughline.preparation import prepare
from throughline.prepared import PreparedTable
from throughline.recipe.file import parse_recipe
from throughline.recipe.split import Split

BY_TIME = Split.model_validate({"by": "t", "test_from": "2013-01-09"})


def test_days_are_counted_from_the_first_row_on():
    hours = pd.date_range("2013-01-01T09:00", periods=24 * 40, freq="h", tz="UTC")
    blocks = blocks_of(pd.DataFrame({"t": hours}), BY_TIME, ["t"])
    assert blocks.tolist() == np.repeat(np.arange(40), 24).tolist()


def test_a_short_part_is_cut_into_equal_pieces():
    hours = pd.date_range("2013-01-01", periods=60, freq="h")
    blocks = blocks_of(pd.DataFrame({"t": hours}), BY_TIME, ["t"])
    assert np.bincount(blocks).tolist() == [3] * 20
    assert blocks_of(pd.DataFrame({"t": hours[:1]}), BY_TIME, ["t"]).tolist() == [0]


def test_a_group_is_a_block_and_so_are_the_rows_without_one():
    split = Split.model_validate({"group": {"by": ["g"], "test": 0.2, "validation": 0.2}})
    rows = pd.DataFrame({"g": ["b", None, "a", "b", None]})
    assert blocks_of(rows, split, ["g"]).tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("way", ["random", "stratified"])
def test_else_each_row_is_a_block(way):
    split = Split.model_validate({way: {"test": 0.2, "validation": 0.2}})
    assert blocks_of(pd.DataFrame({"t": [5, 5, 5]}), split, []).tolist() == [0, 1, 2]


def test_a_column_known_only_afterwards_makes_no_blocks(
    spark, small_recipe_text, small_table, tmp_path
):
    text = small_recipe_text.replace("TABLE", str(small_table))
    text = text.replace("known_after: [delay]", "known_after: [delay, t]")
    text = re.sub(r"  - date_parts.*\n", "", text)
    output = Output.below(str(tmp_path), "prepared")
    prepare(spark, parse_recipe(text), output, "unused", row_groups=2)
    table = PreparedTable.open(output.uri)
    part = read_part(table, "test")
    assert "t" not in part.rows
    assert part.blocks.tolist() == list(range(len(part.rows)))
    assert block_of(table.recipe) == "rows"


def test_a_part_has_rows_labels_and_blocks_in_the_order_of_the_key(prepared):
    part = read_part(prepared, "test")
    assert len(part.rows) == len(part.labels) == len(part.blocks) == prepared.rows["test"]
    assert part.rows["id"].is_monotonic_increasing
    assert "remark" not in part.rows
    assert (np.diff(part.blocks) >= 0).all()
    assert read_part(prepared, "test") is part
