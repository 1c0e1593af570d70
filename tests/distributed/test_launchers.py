import logging
import sys
from pathlib import Path

import pytest

from throughline.distributed import databricks, horovodrun, launchers, process, spark, torch
from throughline.distributed.failure import WorkerLost
from throughline.distributed.launchers import launch, launcher
from throughline.errors import UserError

EMULATORS = Path(__file__).parents[1] / "emulators"


def test_auto_chooses_by_the_number_of_workers_and_says_why(caplog):
    with caplog.at_level(logging.INFO, logger="throughline"):
        assert launcher("auto", 1) is process.launch
        assert launcher("auto", 2) is horovodrun.launch
    assert "launcher horovodrun for 2 workers: several workers" in caplog.text
    assert launcher("horovodrun", 1) is horovodrun.launch


def test_auto_chooses_by_where_it_runs(monkeypatch, caplog):
    monkeypatch.setattr(launchers, "cluster", lambda: "a session")
    assert launcher("auto", 2) is spark.launch
    monkeypatch.setattr(launchers, "on_databricks", lambda: True)
    assert launcher("auto", 2) is spark.launch
    monkeypatch.syspath_prepend(str(EMULATORS))
    with caplog.at_level(logging.INFO, logger="throughline"):
        assert launcher("auto", 2) is databricks.launch
    assert "this is Databricks, with HorovodRunner" in caplog.text


def test_auto_does_without_horovod(monkeypatch):
    monkeypatch.setitem(sys.modules, "horovod", None)
    monkeypatch.setattr(launchers, "has", lambda module: module != "horovod")
    assert launcher("auto", 2) is torch.launch
    assert launcher("auto", 1) is process.launch


def test_an_unknown_launcher_is_an_error():
    known = "auto, process, horovodrun, spark, databricks, torch"
    with pytest.raises(UserError, match=f"no launcher mpi; the launchers are {known}"):
        launcher("mpi", 2)


def test_all_that_were_lost_are_done_without(monkeypatch, make_job):
    asked = []

    def lose_two(job, workers):
        asked.append(workers)
        raise WorkerLost(f"worker 1 of {workers} failed", 2)

    monkeypatch.setitem(launchers.LAUNCHERS, "horovodrun", lose_two)
    with pytest.raises(WorkerLost, match="of 3 failed"):
        launch(make_job(), 3, "horovodrun", min_workers=2)
    with pytest.raises(WorkerLost, match="of 2 failed"):
        launch(make_job(), 4, "horovodrun", min_workers=1)
    assert asked == [3, 4, 2]


def test_a_lost_worker_is_done_without_while_enough_are_left(monkeypatch, make_job, caplog):
    asked = []

    def lose_one(job, workers):
        asked.append(workers)
        if workers > 2:
            raise WorkerLost(f"worker 1 of {workers} failed")
        return "the result"

    monkeypatch.setitem(launchers.LAUNCHERS, "horovodrun", lose_one)
    with caplog.at_level(logging.WARNING, logger="throughline"):
        assert launch(make_job(), 4, "horovodrun", min_workers=2) == "the result"
    assert asked == [4, 3, 2]
    assert "worker 1 of 4 failed" in caplog.text
    assert "going on from the last checkpoint with 3 workers" in caplog.text
    with pytest.raises(WorkerLost, match="of 3 failed"):
        launch(make_job(), 3, "horovodrun", min_workers=3)
