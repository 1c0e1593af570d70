import os
import subprocess
import sys

import pytest

from throughline.distributed.places import cluster, has, on_databricks, workers_of
from throughline.errors import UserError


def test_a_number_of_workers_or_one_for_each_core():
    assert workers_of("3") == 3
    assert workers_of("auto") == len(os.sched_getaffinity(0))  # no cluster, no GPU


@pytest.mark.parametrize("wanted", ["0", "-1", "many", "1.5", ""])
def test_no_number_of_workers_is_an_error(wanted):
    with pytest.raises(UserError, match=f"at least one worker, and workers is '{wanted}'"):
        workers_of(wanted)


def test_a_local_session_is_no_cluster(spark):
    assert cluster() is None
    assert not on_databricks()
    assert has("horovod") and not has("sparkdl")


def test_databricks_is_known_by_its_variable(monkeypatch):
    monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "15.4")
    assert on_databricks()


def test_who_only_asks_where_does_not_wait_for_torch():
    """A chain asks so before its first step."""
    script = "import throughline.distributed.places, sys; print('torch' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "False\n"
