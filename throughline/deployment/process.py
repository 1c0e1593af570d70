"""A server process that outlives the step that started it."""

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
            try:
                signal()
                process.wait(patience)
                break
            except psutil.NoSuchProcess:
                break
            except psutil.TimeoutExpired:
                continue
        return True
