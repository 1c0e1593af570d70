"""The server of elastic workers: who reaches it, and what it does with what it is sent."""

from pathlib import Path

import pytest
import requests
from horovod.runner.common.util import codec
from horovod.runner.elastic.rendezvous import create_rendezvous_handler
from horovod.runner.http import http_server

from throughline.distributed import horovodrun_command


class Touches:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


class Driver:
    """What is told of a worker's address."""

    def register_worker_server(self, *told):
        pass


@pytest.mark.parametrize("ours", [False, True])
def test_what_is_sent_is_not_unpickled_and_only_this_machine_sends(monkeypatch, tmp_path, ours):
    make_handler = create_rendezvous_handler
    if ours:
        make_handler = horovodrun_command._handler_that_unpickles_nothing
        find_port = horovodrun_command._find_port_of_this_machine
        monkeypatch.setattr(http_server, "find_port", find_port)
    server = http_server.RendezvousServer()
    port = server.start(make_handler(Driver()))
    try:
        body = codec.dumps_base64(Touches(tmp_path / "file"))
        address = f"http://127.0.0.1:{port}/worker_addresses/host:0"
        try:
            requests.put(address, body, timeout=10)
        except requests.ConnectionError:
            assert not ours  # Horovod's own breaks on what is no address
        assert (tmp_path / "file").exists() is not ours
        assert server._httpd.server_address[0] == ("127.0.0.1" if ours else "0.0.0.0")  # noqa: S104
    finally:
        server.stop()
