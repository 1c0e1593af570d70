"""A client that asks all the while."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def asking(ask: Callable[[], Any]) -> Iterator["Counter[str]"]:
    """Asks again and again during the block; counts the answers, and what was raised."""
    answers: Counter[str] = Counter()
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.01):
            try:
                answers[repr(ask())] += 1
            except Exception as error:
                answers[f"failed: {error}"] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield answers
    finally:
        ended.set()
        thread.join()
