"""Whose log lines a person sees."""

import logging

from throughline.distributed.following import following
from throughline.distributed.job_folder import LAUNCHER_LOG, LOGS, JobFolder, log_name


def test_the_next_worker_is_the_first_once_that_is_lost(tmp_path, caplog):
    folder = JobFolder(tmp_path)
    folder.path(LOGS).mkdir()
    caplog.set_level(logging.INFO, "throughline")
    with following(folder):
        folder.path(log_name(0)).write_text("12:00:00 INFO epoch 1\nnoise of a library\n")
        folder.path(log_name(1)).write_text("12:00:00 INFO worker 1\n12:00:01 WARNING alone\n")
        folder.path(log_name(2)).write_text("12:00:00 INFO worker 2\n")
        folder.path(LAUNCHER_LOG).write_text("Process 0 exit with status code 137.\n")
    assert [record.getMessage() for record in caplog.records] == ["epoch 1", "worker 1", "alone"]
