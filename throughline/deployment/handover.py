"""Handing a listening socket from a server to the one that takes its place.

Both accept connections from the same queue for a while, so none is refused or lost in between. Only
Linux has what it takes for a server to offer its socket; elsewhere none is offered.
"""

import contextlib
import os
import socket
import struct
import sys
import threading

_BACKLOG = 2048  # as uvicorn's
_OFFERED = b"listener"
_OFFERS = sys.platform == "linux"  # sockets without a file, and who is at the other end
_CREDENTIALS = struct.Struct("3i")  # process, user, group: man 7 unix, SO_PEERCRED


def bound(host: str, port: int) -> socket.socket:
    """A socket that holds a port but refuses connections until it listens.

    Raises:
        OSError: If the port cannot be had.
    """
    places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, *_, address = min(places, key=lambda place: place[0] != socket.AF_INET)
    holder = socket.socket(family)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(address)
    except OSError:
        holder.close()
        raise
    return holder


def pass_on(control: socket.socket, message: bytes, listener: socket.socket) -> None:
    """Sends a message over a Unix socket, and the listening socket with it."""
    listener.listen(_BACKLOG)
    socket.send_fds(control, [message], [listener.fileno()])


def received(control: socket.socket, message: bytes) -> socket.socket | None:
    """The listening socket that :func:`pass_on` sent; None if the other side is gone."""
    try:
        text, descriptors, _, _ = socket.recv_fds(control, len(message), 1)
    except OSError:
        return None
    return socket.socket(fileno=descriptors[0]) if text == message and descriptors else None


def offer(listener: socket.socket) -> None:
    """Gives the socket to whichever process of this user asks, while this process runs."""
    if not _OFFERS:
        return
    door = socket.socket(socket.AF_UNIX)
    door.bind(_door_of(os.getpid()))
    door.listen()
    threading.Thread(target=_answer, args=(door, listener), daemon=True).start()


def ask(pid: int) -> socket.socket | None:
    """The listening socket that another process of this user offers; None if it offers none."""
    if not _OFFERS:
        return None
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(5)
        try:
            door.connect(_door_of(pid))
        except OSError:
            return None
        return received(door, _OFFERED) if _is_ours(door) else None


def _answer(door: socket.socket, listener: socket.socket) -> None:
    while True:
        asking, _ = door.accept()
        with asking, contextlib.suppress(OSError):
            if _is_ours(asking):
                pass_on(asking, _OFFERED, listener)


def _is_ours(peer: socket.socket) -> bool:
    said = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return bool(_CREDENTIALS.unpack(said)[1] == os.getuid())


def _door_of(pid: int) -> str:
    return f"\0throughline-listener-{pid}"  # no file: it goes with the process
