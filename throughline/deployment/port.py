"""The port of an endpoint while one server takes the place of another."""

import errno
import socket

from throughline.deployment.handover import ask, bound
from throughline.deployment.state import EndpointState
from throughline.errors import UserError


class Port:
    """The port that a new server is to take; the old one may have it.

    Args:
        host: The address to listen on.
        port: The port to listen on.
        old: The endpoint so far, if it runs.

    Raises:
        UserError: Another program has the port, or it needs more rights.
    """

    def __init__(self, host: str, port: int, old: EndpointState | None) -> None:
        self._place = (host, port)
        self._old = old
        self._listener: socket.socket | None = None
        self.old_ended = False
        """Whether the old server was told to end so that its port is free."""
        if old is None or old.port != port:
            self._listener = _held(host, port)
        elif old.host == host:
            self._listener = ask(old.process.pid)  # none if it hangs, or was not started by us

    def take(self) -> socket.socket:
        """The socket to listen on: that of the old server, if it shares it.

        If it does not, as on another address, it is ended first: nobody answers then until the new
        server listens.

        Raises:
            UserError: Another program has the port.
        """
        if self._listener is None:
            if self._old:
                self.old_ended = True
                self._old.process.end()
            self._listener = _held(*self._place)
        return self._listener

    def of_old(self, old: EndpointState) -> socket.socket:
        """The socket for the old server, which has ended and is to come back.

        Raises:
            UserError: Another program has its port.
        """
        if (old.host, old.port) == self._place:
            return self.take()
        self.close()  # it may be the same port on another address
        self._listener = _held(old.host, old.port)
        return self._listener

    def close(self) -> None:
        """Closes this process's copy of the socket; a server that has one keeps it."""
        if self._listener:
            self._listener.close()


def check_free(host: str, port: int) -> None:
    """Checks that a server could listen on a port.

    Raises:
        UserError: Another program has the port, or it needs more rights.
    """
    _held(host, port).close()


def in_use(port: int) -> UserError:
    """The error of a port that another program has."""
    return UserError(f"port {port} is in use by another program; give -P port=...")


def _held(host: str, port: int) -> socket.socket:
    try:
        return bound(host, port)
    except PermissionError:
        raise UserError(f"port {port} needs more rights; give -P port=...") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise in_use(port) from None
        raise UserError(
            f"{host} is no address of this machine ({error.strerror}); give -P host=127.0.0.1, or "
            "one that it has."
        ) from None
