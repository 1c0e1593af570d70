from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.distributed.shards import ShardPlan, plan_shards, row_group_rows
from throughline.errors import UserError


def rows_of(plan: ShardPlan, shard: int) -> list[int]:
    """The numbers of the rows that a shard's spans name."""
    begins = [0, *accumulate(plan.row_groups)]
    return [
        row
        for span in plan.spans(shard)
        for row in range(begins[span.row_group] + span.start, begins[span.row_group] + span.stop)
    ]


@given(
    row_groups=st.lists(st.integers(0, 60), min_size=1, max_size=20),
    shards=st.integers(1, 12),
    batch_size=st.integers(2, 50),
)
def test_any_table_is_shared_out_equally(row_groups, shards, batch_size):
    total = sum(row_groups)
    try:
        plan = plan_shards(row_groups, shards, batch_size)
    except UserError:
        assert total < 2.1 * shards
        return
    assert sum([rows_of(plan, shard) for shard in range(shards)], []) == list(range(total))
    assert max(plan.rows) - min(plan.rows) <= 1 + 0.01 * total / shards
    sizes = [plan.batch_sizes(shard) for shard in range(shards)]
    assert {len(batches) for batches in sizes} == {plan.steps}
    assert [sum(batches) for batches in sizes] == list(plan.rows)
    assert 2 <= min(map(min, sizes)) <= max(map(max, sizes)) <= max(batch_size, 3)
    # Weighted by its share, every row counts the same in a step.
    for step in range(plan.steps):
        together = sum(batches[step] for batches in sizes)
        for shard in range(shards):
            share = plan.shares(shard)[step]
            assert share == pytest.approx(sizes[shard][step] * shards / together)


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 16, 48, 63, 64, 100])
def test_row_groups_as_prep_writes_them_do_for_every_world_size(shards):
    """64 row groups that differ by a few rows: a border near one's end moves there."""
    row_groups = [3243 + (n % 3 - 1) for n in range(64)]
    plan = plan_shards(row_groups, shards, batch_size=1024)
    assert max(plan.rows) <= 1.01 * min(plan.rows)
    assert len({len(plan.batch_sizes(shard)) for shard in range(shards)}) == 1
    opened = [len(plan.spans(shard)) for shard in range(shards)]
    assert max(opened) <= -(-64 // shards) + 1
    if 64 % shards == 0:
        assert set(opened) == {64 // shards}


def test_too_few_rows_are_an_error_that_says_what_to_do():
    with pytest.raises(UserError, match="5 training rows, and 3 workers need at least two"):
        plan_shards([5], shards=3, batch_size=100)


def test_a_plan_for_many_workers_and_rows_needs_no_data():
    plan = plan_shards([100_000] * 1000, shards=512, batch_size=4096)
    assert {len(plan.batch_sizes(shard)) for shard in range(512)} == {plan.steps}
    assert max(plan.rows) - min(plan.rows) <= 0.01 * min(plan.rows)


def test_row_groups_are_listed_by_file(parquet):
    assert row_group_rows(str(parquet / "train")) == [500] * 8
    assert row_group_rows((parquet / "train").as_uri()) == [500] * 8


def test_a_folder_without_parquet_is_an_error(tmp_path):
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="no Parquet file in .*; run prep"):
            row_group_rows(str(folder))


def test_a_file_cut_short_is_an_error(tmp_path, make_rows, write_rows):
    file = write_rows(make_rows(100, 0), tmp_path / "train", 50) / "part-0.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"part-0.parquet is not a whole Parquet file"):
        row_group_rows(str(tmp_path / "train"))
