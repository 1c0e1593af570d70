import pytest

from throughline.errors import UserError
from throughline.recipe.source import Join
from throughline.sources.joins import join_table

LEFT = {"k": ["a", "b", None, "z"], "n": [1, 2, 3, 4]}
RIGHT = {"k": ["a", "b", "c", None], "odd name": [10, 20, 30, 40]}


def rows(table):
    return sorted((row.asDict() for row in table.collect()), key=lambda row: row["n"])


def test_left_keeps_every_row_once(both):
    join = Join(table="right", on=("k",), how="left", prefix="r_")
    found = rows(join_table(both.training(LEFT), both.training(RIGHT), join))
    assert [row["r_odd name"] for row in found] == [10, 20, None, None]
    assert [row["n"] for row in found] == LEFT["n"]


def test_inner_keeps_the_rows_that_match(both):
    join = Join(table="right", on=("k",), how="inner")
    found = rows(join_table(both.training(LEFT), both.training(RIGHT), join))
    assert [row["n"] for row in found] == [1, 2]


def test_a_table_joins_itself(both):
    table = both.training(LEFT)
    join = Join(table="right", on=("k",), how="left", prefix="own_")
    assert [row["own_n"] for row in rows(join_table(table, table, join))] == [1, 2, None, 4]


def test_several_keys_at_once_and_missing_keys_may_repeat(both):
    right = both.training({"k": ["a", "a", None, None], "m": [1, 2, 1, 1], "v": [5, 6, 7, 8]})
    left = both.training({"k": ["a", None], "m": [2, 1], "n": [1, 2]})
    found = rows(join_table(left, right, Join(table="right", on=("k", "m"), how="left")))
    assert [row["v"] for row in found] == [6, None]


def test_refuses_keys_that_repeat_and_says_which(both):
    right = both.training({"k": ["a", "a", "b"], "v": [1, 2, 3]})
    with pytest.raises(UserError, match=r"right on k finds keys .* more than once \(a\)"):
        join_table(both.training(LEFT), right, Join(table="right", on=("k",), how="left"))


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ({"kk": [1]}, {"k": [1]}, "'k', which the left table does not have; did you mean 'kk'"),
        ({"k": [1]}, {"key": [1]}, "'k', which the right.parquet table does not have"),
        ({"k": [1], "n": [1]}, {"k": [1], "n": [2]}, "a second column 'n'; give the join a prefix"),
    ],
)
def test_refuses_columns_that_do_not_fit(both, left, right, message):
    join = Join(table="right.parquet", on=("k",), how="left")
    with pytest.raises(UserError, match=message):
        join_table(both.training(left), both.training(right), join)


@pytest.mark.parametrize(("how", "kept"), [("left", 4), ("inner", 2)])
def test_the_share_without_a_match_is_logged_once_the_rows_were_written(
    both, caplog, tmp_path, how, kept
):
    matches = []
    join = Join(table="right.csv", on=("k",), how=how)
    found = join_table(both.training(LEFT), both.training(RIGHT), join, matches)
    plain = join_table(both.training(LEFT), both.training(RIGHT), join)
    assert found.columns == plain.columns
    dropped = found.where("n <> 1")  # what comes after the join does not change the share
    dropped.write.parquet(str(tmp_path / "rows"))
    assert rows(found) == rows(plain) and found.count() == kept
    with caplog.at_level("INFO"):
        matches[0].log()
    assert "2 of 4 rows (50.0 %) have no match in right.csv" in caplog.text


def test_no_rows_at_all_have_no_share(both, caplog):
    matches = []
    join = Join(table="right", on=("k",), how="left")
    empty = both.training({"k": ["a"], "n": [1]}).where("n > 1")
    join_table(empty, both.training(RIGHT), join, matches).collect()
    with caplog.at_level("INFO"):
        matches[0].log()
    assert "0 of 0 rows (0.0 %)" in caplog.text
