"""What is removed, on a real tracking store."""

import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from throughline.caching.cache import REUSED
from throughline.caching.prune import Pruning, Unused
from throughline.chain.in_process import InProcessBackend
from throughline.errors import UserError
from throughline.outputs import Output
from throughline.prepared import PreparedTable
from throughline.tracking import PREPARED, STEP

pytestmark = pytest.mark.usefixtures("own_store")


@pytest.fixture
def prep(tmp_path: Path) -> Callable[[], tuple[str, Output]]:
    """Makes a preparation of long ago: its run and its table."""

    def make() -> tuple[str, Output]:
        client = mlflow.MlflowClient()
        run_id = client.create_run("0", start_time=1, tags={STEP: "prep"}).info.run_id
        output = Output.below(str(tmp_path), "prepared", "small", run_id)
        output.write_text("rows.txt", "1,2,0")
        output.commit({})
        client.set_tag(run_id, PREPARED, output.uri)
        client.set_terminated(run_id, end_time=2)
        return run_id, output

    return make


def unused(data_root: Path) -> Unused:
    return Pruning(str(data_root), 14, round(time.time() * 1000)).find()


def removed(found: Unused, data_root: Path) -> Unused:
    return Pruning(str(data_root), 14, round(time.time() * 1000)).remove(found)


def take_again(run_id: str) -> None:
    """Leaves what a chain does that takes a preparation from before."""
    mlflow.MlflowClient().create_run("0", tags={STEP: "main", f"{REUSED}prep": run_id})


def is_deleted(run_id: str) -> bool:
    return str(mlflow.get_run(run_id).info.lifecycle_stage) == "deleted"


def test_what_was_taken_again_after_it_was_listed_stays(
    prep: Callable[[], tuple[str, Output]], tmp_path: Path
) -> None:
    (taken, table), (other, gone) = prep(), prep()
    found = unused(tmp_path)
    assert {run.info.run_id for run in found.runs} == {taken, other}
    take_again(taken)
    told = removed(found, tmp_path)
    assert ([run.info.run_id for run in told.runs], list(told.outputs)) == ([other], [gone])
    assert (is_deleted(taken), is_deleted(other)) == (False, True)
    assert table.is_finished()
    assert not gone.exists()


def test_what_was_taken_again_while_its_run_was_deleted_is_restored(
    prep: Callable[[], tuple[str, Output]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, table = prep()
    found = unused(tmp_path)
    delete = mlflow.delete_run

    def meanwhile(run_id: str) -> None:
        delete(run_id)
        take_again(run_id)

    monkeypatch.setattr(mlflow, "delete_run", meanwhile)
    assert removed(found, tmp_path) == Unused([], {})
    assert not is_deleted(run_id)
    assert table.is_finished()


def test_data_that_an_interrupted_removal_left_is_found_again(
    prep: Callable[[], tuple[str, Output]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = dict(prep() for _ in range(2))
    found = unused(tmp_path)
    assert {run.info.run_id for run in found.runs} == set(made)
    with monkeypatch.context() as interrupted, pytest.raises(KeyboardInterrupt):
        interrupted.setattr(Output, "clear", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        removed(found, tmp_path)
    left = unused(tmp_path)
    assert left.runs == []
    assert set(left.outputs) == set(made.values())
    removed(left, tmp_path)
    assert unused(tmp_path) == Unused([], {})


def test_the_table_of_a_deleted_run_is_kept_while_it_is_used(
    prep: Callable[[], tuple[str, Output]], tmp_path: Path
) -> None:
    run_id, output = prep()
    mlflow.delete_run(run_id)
    assert set(unused(tmp_path).outputs) == {output}
    user = mlflow.MlflowClient().create_run("0", tags={STEP: "train", PREPARED: output.uri})
    assert unused(tmp_path) == Unused([], {})
    mlflow.MlflowClient().delete_run(user.info.run_id)  # it may be restored for some days
    assert unused(tmp_path) == Unused([], {})


@pytest.mark.parametrize("step", ["prep", "main"])
def test_the_run_whose_contract_is_to_be_kept_is_in_use(
    prep: Callable[[], tuple[str, Output]], tmp_path: Path, step: str
) -> None:
    """Both give it as a parameter of their run: a later chain is to keep the same contract."""
    (run_id, _), (other, _) = prep(), prep()
    client = mlflow.MlflowClient()
    for contract in (run_id, "none", "latest"):
        recent = client.create_run("0", tags={STEP: step}).info.run_id
        client.log_param(recent, "contract", contract)
    assert [run.info.run_id for run in unused(tmp_path).runs] == [other]


@pytest.mark.parametrize(
    ("step", "parameters"),
    [("train", {"model": "none such"}), ("tune", {}), ("distributed_train", {})],
)
def test_a_step_that_has_just_begun_keeps_its_table(
    step: str, parameters: dict[str, str], prepared: PreparedTable, tmp_path: Path
) -> None:
    """It ends at once here, at something that the recipe does not have."""
    client = mlflow.MlflowClient()
    tags = {STEP: "prep", PREPARED: prepared.output.uri}
    prep_run = client.create_run("0", start_time=1, tags=tags).info.run_id
    client.set_terminated(prep_run, end_time=2)
    assert [run.info.run_id for run in unused(tmp_path).runs] == [prep_run]
    with mlflow.start_run(), pytest.raises(UserError):
        InProcessBackend().run(step, {"prep_run": prep_run, **parameters})
    assert unused(tmp_path).runs == []
