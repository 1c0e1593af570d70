"""A server that ends while a client has connected and not yet asked."""

import socket
import threading

import pytest
import uvicorn

from throughline.deployment.patient_server import PatientServer


async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def server(eventually):
    made = PatientServer(uvicorn.Config(app, port=0, lifespan="off", ws="none"))
    thread = threading.Thread(target=made.run)
    thread.start()
    eventually(lambda: made.started)
    yield made
    made.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def test_who_has_connected_is_answered_and_nobody_else(server, eventually):
    address = server.servers[0].sockets[0].getsockname()
    with socket.create_connection(address) as client:
        eventually(lambda: server.server_state.connections)
        server.should_exit = True
        eventually(lambda: not server.servers[0].is_serving())
        client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert client.recv(15) == b"HTTP/1.1 200 OK"
    with pytest.raises(ConnectionError):
        socket.create_connection(address)
