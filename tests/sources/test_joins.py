import pytest
from pyspark.sql import functions as F

from throughline.errors import UserError
from throughline.recipe.source import Join
from throughline.sources.joins import check_keys, join_table, keys_checked

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
        check_keys(right, Join(table="right", on=("k",), how="left"))


def test_a_key_called_count_is_a_key(both):
    join = Join(table="right", on=("count",), how="left")
    check_keys(both.training({"count": [1, 2]}), join)
    with pytest.raises(UserError, match=r"on count finds keys .* more than once \(1\)"):
        check_keys(both.training({"count": [1, 1, 2]}), join)


def test_missing_keys_may_repeat_and_a_key_of_several_columns_too(both):
    right = both.training({"k": ["a", "a", None, None], "m": [1, 2, 1, 1]})
    check_keys(right, Join(table="right", on=("k", "m"), how="left"))


def test_keys_are_checked_beside_other_work_which_ends_first(both):
    right = both.training({"k": ["a", "a"]})
    done = []
    with (
        pytest.raises(UserError, match="more than once"),
        keys_checked([right], [Join(table="right", on=("k",), how="left")]),
    ):
        done.append(both.training(LEFT).count())
    assert done == [4]
    with pytest.raises(ZeroDivisionError), keys_checked([], []):
        1 / 0  # noqa: B018


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


def matched_of(written, matches):
    """How many rows there are, and how many of them the join found something for."""
    row = written.agg(F.count(F.lit(1)), matches.figure(written)).first()
    return tuple(row)


@pytest.mark.parametrize(
    ("how", "kept", "said"), [("left", 3, "2 of 3 rows (66.7 %)"), ("inner", 1, "2 of 4 rows")]
)
def test_the_share_without_a_match_is_logged_once_the_rows_were_written(
    both, spark, caplog, tmp_path, how, kept, said
):
    found = []
    join = Join(table="right.csv", on=("k",), how=how)
    joined = join_table(both.training(LEFT), both.training(RIGHT), join, found)
    plain = join_table(both.training(LEFT), both.training(RIGHT), join)
    assert joined.columns == plain.columns and rows(joined) == rows(plain)
    path = str(tmp_path / "rows")
    joined.where("n <> 1").write.parquet(path)
    written = spark.read.parquet(path)
    assert written.count() == kept
    with caplog.at_level("INFO"):
        found[0].log(*matched_of(written, found[0]))
    left_out = ", and are left out" if how == "inner" else ""
    assert caplog.messages[-1].startswith(said)
    assert caplog.messages[-1].endswith(f"have nothing of right.csv{left_out}")


def test_a_row_that_misses_only_some_of_the_joined_values_has_its_match(both):
    right = both.training({"k": ["a", "b"], "v": [None, 2], "w": ["x", None]})
    found = []
    join = Join(table="right", on=("k",), how="left")
    joined = join_table(both.training(LEFT), right, join, found)
    assert matched_of(joined, found[0]) == (4, 2)
    assert matched_of(joined.drop("w"), found[0]) == (4, 1)
    assert found[0].can_tell(joined) and not found[0].can_tell(joined.drop("v", "w"))


@pytest.mark.parametrize("how", ["left", "inner"])
def test_no_rows_at_all_have_no_share(both, caplog, how):
    found = []
    join = Join(table="right", on=("k",), how=how)
    empty = both.training({"k": ["a"], "n": [1]}).where("n > 1")
    joined = join_table(empty, both.training(RIGHT), join, found)
    joined.collect()
    with caplog.at_level("INFO"):
        found[0].log(*matched_of(joined, found[0]))
    assert "0 of 0 rows (0.0 %)" in caplog.text
