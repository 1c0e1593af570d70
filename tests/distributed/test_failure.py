from pathlib import Path

import pytest

from throughline.distributed.failure import WorkerLost, raise_failure, record_failure
from throughline.distributed.job_folder import LAUNCHER_LOG, JobFolder, log_name
from throughline.errors import UserError


class HorovodInternalError(RuntimeError):
    """As Horovod names what a worker gets that lost another one."""


@pytest.fixture
def output(tmp_path: Path) -> JobFolder:
    folder = JobFolder(tmp_path)
    for rank in range(3):
        folder.write(log_name(rank), f"the log of {rank}\n".encode())
    return folder


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


@pytest.mark.parametrize(
    "said",
    [
        "mpirun noticed that process rank 2 with PID 0 on node x exited on signal 9 (Killed).",
        "Process 0 exit with status code 1.\nProcess 2 exit with status code 137.\n"
        "Process 1 exit with status code 143.\n",
        "to do so was:\nProcess name: 2\nExit code: 137\n",
        "  rank      : 1 (local_rank: 1)\n  exitcode  : -15 (pid: 6)  (SIGTERM)\n"
        "  rank      : 2 (local_rank: 2)\n  exitcode  : -9 (pid: 7)  (SIGKILL)\n",
    ],
)
def test_a_killed_worker_is_known_by_what_the_launcher_says(output, said):
    record_failure(output, 0, HorovodInternalError("lost a worker"))
    output.write(LAUNCHER_LOG, said.encode())
    with pytest.raises(WorkerLost, match="worker 2 of 3 failed: killed by signal 9"):
        raise_failure(output, 3)
    output.write(LAUNCHER_LOG, b"")
    with pytest.raises(WorkerLost, match="worker 2 of 3 failed: killed by signal 9"):
        raise_failure(output, 3, said)


def test_a_worker_without_a_word_is_the_cause_where_all_others_lost_it(output):
    for rank in (0, 2):
        record_failure(output, rank, HorovodInternalError("lost a worker"))
    with pytest.raises(WorkerLost, match="worker 1 of 3 failed: it ended without a word"):
        raise_failure(output, 3, "TorchDistributor failed during training")


def test_a_worker_that_could_not_write_its_word_is_told_by_its_log(output):
    said = "Process 2 exit with status code 1.\n"
    with pytest.raises(RuntimeError, match="worker 2 of 3 failed: exit code 1") as error:
        raise_failure(output, 3, said)
    assert not isinstance(error.value, WorkerLost)
    output.write(log_name(2), b"Traceback\nthroughline.errors.UserError: The disk is full.\n")
    with pytest.raises(UserError, match="^The disk is full.$"):
        raise_failure(output, 3, said)


def test_a_bug_is_no_lost_worker(output):
    record_failure(output, 1, ValueError("the cause"))
    with pytest.raises(RuntimeError) as error:
        raise_failure(output, 3)
    assert not isinstance(error.value, WorkerLost)


def test_the_launchers_own_failure_shows_its_log(output):
    output.write(LAUNCHER_LOG, b"no such interface\n")
    with pytest.raises(RuntimeError, match="before any worker did(.|\n)*no such interface"):
        raise_failure(output, 3)


def test_what_torchs_gloo_says_of_a_lost_worker_is_known(output):
    record_failure(output, 0, RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed"))
    record_failure(output, 1, ValueError("the cause"))
    with pytest.raises(RuntimeError, match="worker 1 of 3 failed: ValueError"):
        raise_failure(output, 3)
