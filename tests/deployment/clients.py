"""Clients of an endpoint: some ask without a pause, one takes long to ask."""

import json
import socket
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


class Unfinished:
    """A request of which the last byte of the body has not been sent."""

    def __init__(self, url):
        self.body = json.dumps(REQUEST).encode()
        host, port = url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        head = f"POST /invocations HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        self.socket.sendall(head.encode() + self.body[:-1])

    def finish(self):
        self.socket.sendall(self.body[-1:])

    def status(self):
        with self.socket, self.socket.makefile("rb") as answer:
            return int(answer.read().split()[1])
