"""An uvicorn server that ends without dropping a client that has just connected."""

import asyncio
import socket

import uvicorn

_LATE_SECONDS = 0.5
"""How long such a client may take to send its request."""


class PatientServer(uvicorn.Server):
    """Takes no more connections, waits for requests on those that it has, and then ends.

    uvicorn itself closes at once the connections on which no request has come yet.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the server."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await asyncio.sleep(_LATE_SECONDS)
        await super().shutdown(sockets)
