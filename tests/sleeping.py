"""A sleep that is another one in a test's own thread."""

import threading
import time
from collections.abc import Callable


def instead_of_sleeping(do: Callable[[], None]) -> Callable[[float], None]:
    """What to put in the place of ``time.sleep``: it calls ``do`` in this thread only.

    Libraries have threads that sleep between rounds. That of py4j, which lets Spark forget what
    Python has forgotten, ends if its sleep raises; Spark is out of memory a hundred tests later.
    """
    sleep, mine = time.sleep, threading.get_ident()

    def instead(seconds: float) -> None:
        if threading.get_ident() == mine:
            do()
        else:
            sleep(seconds)

    return instead
