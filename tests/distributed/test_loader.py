from pathlib import Path

import fsspec
import pytest
import torch

from throughline.distributed.loader import TrainingLoader, ordered_batches
from throughline.distributed.shards import ShardPlan, Span, plan_shards, row_group_rows
from throughline.errors import UserError
from throughline.features.layout import Feature, Layout

IDS = Layout(
    features=(Feature(name="id", kind="numeric"),),
    label="late",
    task="classification",
    classes=("no", "yes"),
)


def ids(batches) -> list[int]:
    return torch.cat([batch.numeric[:, 0] for batch in batches]).int().tolist()


@pytest.fixture
def uneven(tmp_path, make_rows, write_rows):
    """1,030 rows in row groups of 200, 200, 115, 200, 200, 115."""
    return str(write_rows(make_rows(1030, 0), tmp_path / "uneven", group_rows=200))


@pytest.mark.parametrize("buffer_rows", [1, 150, 10_000])
def test_two_shards_cover_every_row_once_in_each_epoch(uneven, buffer_rows):
    plan = plan_shards(row_group_rows(uneven), shards=2, batch_size=64)
    loaders = [TrainingLoader(uneven, IDS, plan, shard, buffer_rows, seed=3) for shard in range(2)]
    orders = []
    for _ in range(3):
        read = [list(loader.epoch()) for loader in loaders]
        assert [len(batches) for batches in read] == [plan.steps, plan.steps]
        order = ids(read[0]) + ids(read[1])
        assert sorted(order) == list(range(1030))
        orders.append(order)
    assert orders[0] != orders[1] != orders[2]
    for loader in loaders:
        loader.__exit__(None, None, None)


def test_the_seed_gives_the_order(uneven):
    plan = plan_shards(row_group_rows(uneven), shards=2, batch_size=64)

    def first_epoch(seed: int) -> list[int]:
        with TrainingLoader(uneven, IDS, plan, 0, 300, seed) as loader:
            return ids(loader.epoch())

    assert first_epoch(1) == first_epoch(1)
    assert first_epoch(1) != first_epoch(2)


def test_rows_that_do_not_match_the_footers_are_a_bug(uneven):
    plan = ShardPlan((200, 200, 115, 200, 250, 115), (0, 715, 1080), steps=10)
    with (
        TrainingLoader(uneven, IDS, plan, 1, 20_000, seed=1) as loader,
        pytest.raises(RuntimeError, match="Petastorm gave"),
    ):
        list(loader.epoch())
        list(loader.epoch())


def test_the_ordered_pass_is_in_order_and_counted(uneven):
    spans = plan_shards(row_group_rows(uneven), 2, 64).spans(1)
    read = ids(ordered_batches(uneven, IDS, spans))
    assert read == list(range(515, 1030))
    assert list(ordered_batches(uneven, IDS, [])) == []
    with pytest.raises(RuntimeError, match="Petastorm gave 115 rows .* footers say 116"):
        list(ordered_batches(uneven, IDS, [Span(2, 0, 116)]))


def test_no_row_group_of_another_shard_is_opened(uneven, make_rows):
    """The last file is no Parquet at all in the middle, and only the last shard sees it."""
    spans = [plan_shards(row_group_rows(uneven), 2, 64).spans(shard) for shard in range(2)]
    file = sorted(Path(uneven).iterdir())[1]
    content = bytearray(file.read_bytes())
    content[4:3000] = b"\xff" * 2996
    file.write_bytes(content)
    assert ids(ordered_batches(uneven, IDS, spans[0])) == list(range(515))
    with pytest.raises(OSError, match=".+"):
        list(ordered_batches(uneven, IDS, spans[1]))


@pytest.mark.parametrize("kind", ["path", "file URI", "object store"])
def test_a_folder_may_be_any_path_or_uri(tmp_path, make_rows, write_rows, kind):
    local = write_rows(make_rows(100, 0), tmp_path / "100% #1 [x]", group_rows=25)
    uri = {"path": str(local), "file URI": local.as_uri(), "object store": "memory://box/t"}[kind]
    if kind == "object store":
        files = {f"/box/t/{file.name}": file.read_bytes() for file in local.iterdir()}
        fsspec.filesystem("memory").pipe(files)
    assert row_group_rows(uri) == [25, 25, 25, 25]
    plan = plan_shards(row_group_rows(uri), shards=3, batch_size=50)
    read = [ids(ordered_batches(uri, IDS, plan.spans(shard))) for shard in range(3)]
    assert [len(rows) for rows in read] == [33, 33, 34]
    assert sum(read, []) == list(range(100))


def test_a_missing_column_is_named_by_the_loader(uneven):
    features = (Feature(name="gone", kind="numeric"), *IDS.features)
    layout = IDS.model_copy(update={"features": features})
    with pytest.raises(UserError, match="no column gone"):
        list(ordered_batches(uneven, layout, [Span(0, 0, 200)]))
