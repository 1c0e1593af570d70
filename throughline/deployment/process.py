"""A server process that outlives the step that started it."""

from dataclasses import dataclass

import psutil

CLOCK_SECONDS = 2.0
"""How far two readings of a start time may differ: the kernel's boot time moves with the clock."""


@dataclass(frozen=True)
class ServerProcess:
    """A process by its id and start time (seconds since the epoch): ids are used again."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "ServerProcess":
        """Identifies a process that runs."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Returns the process if it still runs; no zombie, and no later one with its id."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < CLOCK_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None

    def end(self, patience: float = 10.0) -> bool:
        """Ends the process: SIGTERM, and SIGKILL once ``patience`` seconds have passed.

        Returns:
            Whether there was a process to end.
        """
        process = self.find()
        if process is None:
            return False
        for signal in (process.terminate, process.kill):
            try:
                signal()
                process.wait(patience)
                break
            except psutil.NoSuchProcess:
                break
            except psutil.TimeoutExpired:
                continue
        return True
