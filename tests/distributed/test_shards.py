import pytest

from throughline.distributed.shards import plan_shards, row_group_rows
from throughline.errors import UserError


def test_every_shard_makes_the_same_steps_from_uneven_row_groups():
    plan = plan_shards([500, 130, 500, 500, 20], shards=2, batch_size=100)
    assert plan.rows == (1020, 630)
    sizes = [plan.batch_sizes(shard) for shard in range(2)]
    assert [len(batches) for batches in sizes] == [plan.steps, plan.steps] == [11, 11]
    assert [sum(batches) for batches in sizes] == [1020, 630]
    assert max(sizes[0]) <= 100
    assert max(sizes[1]) - min(sizes[1]) <= 1


def test_too_few_row_groups_are_an_error_that_says_what_to_do():
    with pytest.raises(UserError, match="2 row groups, too few for 3 workers; prepare"):
        plan_shards([500, 500], shards=3, batch_size=100)


def test_a_shard_too_small_for_the_steps_is_an_error():
    with pytest.raises(UserError, match="smallest of 2 shards has 5 .* equal row groups"):
        plan_shards([5000, 5], shards=2, batch_size=100)


def test_a_plan_for_many_workers_and_rows_needs_no_data():
    plan = plan_shards([100_000] * 1024, shards=512, batch_size=4096)
    assert {len(plan.batch_sizes(shard)) for shard in range(512)} == {plan.steps}
    assert min(plan.rows) == max(plan.rows) == 200_000


def test_row_groups_are_listed_by_file(prepared):
    assert row_group_rows(str(prepared / "train")) == [500] * 8
    assert row_group_rows((prepared / "train").as_uri()) == [500] * 8


def test_a_folder_without_parquet_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="no Parquet file in .*; run prep"):
            row_group_rows(str(folder))


def test_a_file_cut_short_is_an_error(tmp_path, make_rows, write_rows):
    file = write_rows(make_rows(100, 0), tmp_path / "train", 50) / "part-0.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"part-0.parquet is not a whole Parquet file"):
        row_group_rows(str(tmp_path / "train"))
