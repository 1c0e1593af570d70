"""Handing a listening socket on."""

import os
import socket
import subprocess
import sys

from throughline.deployment import handover
from throughline.deployment.handover import ask, bound, offer, pass_on, received


def test_a_bound_port_refuses_until_it_listens():
    with bound("127.0.0.1", 0) as holder, socket.socket() as client:
        assert client.connect_ex(holder.getsockname())


def test_what_is_passed_on_accepts_from_the_same_queue():
    one, other = socket.socketpair()
    with one, other, bound("127.0.0.1", 0) as holder:
        pass_on(one, b"serve", holder)
        with received(other, b"serve") as copy:
            client = socket.create_connection(holder.getsockname())
            holder.close()  # the queue and the port stay
            assert copy.accept()[1] == client.getsockname()


def test_nothing_or_something_else_is_no_socket():
    one, other = socket.socketpair()
    with other:
        with one:
            one.sendall(b"other")
            assert received(other, b"serve") is None
        assert received(other, b"serve") is None


def test_another_process_can_ask_for_what_is_offered():
    with bound("127.0.0.1", 0) as holder:
        offer(holder)
        code = f"from throughline.deployment.handover import ask; print(ask({os.getpid()}))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert str(holder.getsockname()) in done.stdout, done.stderr
    assert ask(os.getpid()) is None  # it is closed
    assert ask(2**22 + 1) is None


def test_where_sockets_without_a_file_are_unknown_none_is_offered(monkeypatch):
    monkeypatch.setattr(handover, "_OFFERS", False)
    monkeypatch.setattr(handover, "_door_of", lambda pid: f"/nowhere/{pid}")
    monkeypatch.delattr(socket, "SO_PEERCRED")
    with bound("127.0.0.1", 0) as holder:
        offer(holder)
        assert ask(os.getpid()) is None
