"""A server process that outlives the step that started it."""

import contextlib
import os
import time
from dataclasses import dataclass

import psutil

from throughline.process_identity import ProcessIdentity


@dataclass(frozen=True)
class ServerProcess(ProcessIdentity):
    """The process of an endpoint's server."""

    def end(self, patience: float = 10.0) -> bool:
        """Ends the process: SIGTERM, and SIGKILL once ``patience`` seconds have passed.

        Returns:
            Whether there was a process to end.
        """
        process = self.find()
        if process is None:
            return False
        for signal in (process.terminate, process.kill):
            with contextlib.suppress(psutil.NoSuchProcess):
                signal()
            if self._ended(patience):
                break
        with contextlib.suppress(psutil.Error):
            if process.ppid() == os.getpid():
                process.wait(patience)  # else it stays a zombie; its threads may take a moment
        return True

    def _ended(self, seconds: float) -> bool:
        """Waits for the end; a zombie has ended, though a parent that still runs may not know.

        So psutil's own wait, which polls as well, would not do: to it a zombie is still there.
        """
        deadline = time.monotonic() + seconds
        while self.find():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True
