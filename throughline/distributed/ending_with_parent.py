"""Ends a launcher's command when whoever started it ends, for whatever reason."""

import os
import signal
import threading


def end_with_parent() -> None:
    """From now on, the end of the standard input is a SIGTERM to this process."""
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
