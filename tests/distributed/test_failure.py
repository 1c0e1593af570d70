from pathlib import Path

import pytest

from throughline.distributed.failure import (
    launcher_log,
    log_file,
    raise_failure,
    record_failure,
)
from throughline.errors import UserError


class HorovodInternalError(RuntimeError):
    """As Horovod names what a worker gets that lost another one."""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    for rank in range(3):
        log_file(tmp_path, rank).write_text(f"the log of {rank}\n")
    return tmp_path


def test_the_first_worker_that_failed_by_itself_is_the_cause(output):
    record_failure(output, 0, HorovodInternalError("lost a worker"))
    record_failure(output, 2, ValueError("the cause"))
    record_failure(output, 1, KeyError("a consequence"))
    with pytest.raises(RuntimeError, match=r"worker 2 of 3 failed: ValueError: the cause") as error:
        raise_failure(output, 3)
    assert "the log of 2" in str(error.value)


def test_a_users_error_comes_before_all_others(output):
    record_failure(output, 0, ValueError("a consequence"))
    record_failure(output, 1, UserError("Impute wind."))
    with pytest.raises(UserError, match="^Impute wind.$"):
        raise_failure(output, 3)


def test_a_killed_worker_is_known_by_horovodruns_log(output):
    record_failure(output, 0, HorovodInternalError("lost a worker"))
    launcher_log(output).write_text(
        "Process 0 exit with status code 1.\nProcess 2 exit with status code 137.\n"
        "Process 1 exit with status code 143.\n"
    )
    with pytest.raises(RuntimeError, match="worker 2 of 3 failed: killed by signal 9"):
        raise_failure(output, 3)


def test_horovodruns_own_failure_shows_its_log(output):
    launcher_log(output).write_text("no such interface\n")
    with pytest.raises(RuntimeError, match="before any worker did(.|\n)*no such interface"):
        raise_failure(output, 3)
