"""Which process of this machine it is: process ids are used again."""

from dataclasses import dataclass
from typing import Self

import psutil

CLOCK_SECONDS = 2.0
"""How far two readings of a start time may differ: the kernel's boot time moves with the clock."""


@dataclass(frozen=True)
class ProcessIdentity:
    """A process by its id and start time (seconds since the epoch)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int | None = None) -> Self:
        """Identifies a process that runs; this one if no id is given."""
        process = psutil.Process(pid)
        return cls(process.pid, process.create_time())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads what ``str`` of one gave.

        Raises:
            ValueError: The text is something else.
        """
        pid, created = text.split()
        return cls(int(pid), float(created))

    def __str__(self) -> str:
        """As a tag or a variable of the environment has it."""
        return f"{self.pid} {self.created:.2f}"

    def find(self) -> psutil.Process | None:
        """Returns the process if it still runs; no zombie, and no later one with its id."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < CLOCK_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None
