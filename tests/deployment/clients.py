"""Clients of an endpoint, which ask without a pause."""

import threading
from contextlib import contextmanager

import requests

REQUEST = {"dataframe_records": [{"carrier": "UA", "distance": 1000}]}


@contextmanager
def clients(url, count):
    """Asks on new connections, each client one after the other; yields the statuses."""
    answers, ended = [], threading.Event()

    def ask():
        while not ended.is_set():
            try:
                answer = requests.post(f"{url}/invocations", json=REQUEST, timeout=30)
                answers.append(answer.status_code)
            except requests.RequestException as error:
                answers.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()
