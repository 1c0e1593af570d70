import logging

import pytest

from throughline.distributed import horovodrun, process
from throughline.distributed.launchers import launcher
from throughline.errors import UserError


def test_auto_chooses_by_the_number_of_workers_and_says_why(caplog):
    with caplog.at_level(logging.INFO, logger="throughline"):
        assert launcher("auto", 1) is process.launch
        assert launcher("auto", 2) is horovodrun.launch
    assert "launcher horovodrun for 2 workers: several workers" in caplog.text
    assert launcher("horovodrun", 1) is horovodrun.launch


def test_an_unknown_launcher_and_no_worker_are_errors():
    with pytest.raises(UserError, match="no launcher mpi; the launchers are auto, process, horo"):
        launcher("mpi", 2)
    with pytest.raises(UserError, match="at least one worker, not 0"):
        launcher("auto", 0)
