"""Passes the first worker's log lines on to whoever waits for the training."""

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from throughline.distributed.failure import ended_workers
from throughline.distributed.job_folder import LAUNCHER_LOG, JobFolder, log_name

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.2
_LEVELS = logging.getLevelNamesMapping()
_LINE = re.compile(r"^\d\d:\d\d:\d\d (INFO|WARNING|ERROR) (.*)$")


@contextmanager
def following(folder: JobFolder) -> Iterator[None]:
    """In the block, logs the first worker's lines as they come, where the folder is local.

    When it is lost and others go on, the next one is the first.
    """
    if not folder.is_local:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_follow, args=(folder, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _follow(folder: JobFolder, ended: threading.Event) -> None:
    positions: Counter[int] = Counter()
    while True:
        last = ended.wait(_POLL_SECONDS)
        lost = ended_workers(folder.text(LAUNCHER_LOG))
        first = next(rank for rank in count() if rank not in lost)
        for rank in range(first + 1):  # with the last words of those that were first
            positions[rank] = _pass_on(folder, rank, positions[rank])
        if last:
            return


def _pass_on(folder: JobFolder, rank: int, position: int) -> int:
    """Logs the whole lines after ``position`` and returns where they end."""
    log = folder.path(log_name(rank))
    if not log.is_file():
        return position
    with log.open("rb") as stream:
        stream.seek(position)
        text = stream.read()
    whole = text[: text.rfind(b"\n") + 1]
    for line in whole.decode("utf-8", errors="replace").splitlines():
        if match := _LINE.match(line):
            logger.log(_LEVELS[match[1]], "%s", match[2])
    return position + len(whole)
