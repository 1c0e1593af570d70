"""The peak resident memory of processes, each with all that it has started."""

import subprocess
from collections.abc import Callable

import psutil

MIB = 1024 * 1024
GONE = (psutil.NoSuchProcess, psutil.AccessDenied)
"""What psutil says of a process that ended, or became another user's, while it was looked at."""


def watched(
    job: subprocess.Popen[bytes], name: Callable[[psutil.Process], str], every: float
) -> tuple[bytes, dict[str, float]]:
    """Waits for a job, and samples resident memory meanwhile.

    Args:
        job: The process to wait for.
        name: Names a process, of the job and all below it, that is to be measured with all below
            it; empty for one that is not. Processes of one name share a peak.
        every: The seconds between two samples.

    Returns:
        What the job printed, if its output is a pipe, and the peaks by name in MiB.
    """
    peaks: dict[str, float] = {}
    while True:
        for process in _family(job.pid):
            if named := name(process):
                resident = sum(map(_resident, _family(process.pid))) / MIB
                peaks[named] = max(peaks.get(named, 0), resident)
        try:
            # not wait: a job that fills its pipe would never end
            printed, _ = job.communicate(timeout=every)
        except subprocess.TimeoutExpired:
            continue
        return printed or b"", peaks


def _family(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except GONE:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except GONE:
        return 0
