"""The port of an endpoint that is replaced, on the same address and on another."""

import psutil
import pytest

from throughline.deployment import port as port_module
from throughline.deployment.local import LocalTarget
from throughline.deployment.token import TOKEN
from throughline.deployment.versions import resolve
from throughline.errors import UserError

MODEL = "late-test"
ALL = "0.0.0.0"  # noqa: S104
REQUEST = {"dataframe_records": [{"carrier": "UA", "distance": 1000}]}


@pytest.fixture
def port(registry, tmp_path, free_port, monkeypatch):
    """A port on which the champion is served on all addresses of this machine."""
    monkeypatch.setenv(TOKEN, "a-secret-of-a-test")
    target = LocalTarget(tmp_path, free_port(), ALL)
    target.deploy(resolve(MODEL, "champion"))
    yield target.port
    target.delete(MODEL)


def places(port):
    """Which process listens on which addresses of the port."""
    found = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    return {(c.laddr.ip, c.pid) for c in found if c.laddr.port == port}


def test_a_host_that_is_not_given_is_the_one_that_it_has(port, tmp_path, monkeypatch):
    target = LocalTarget(tmp_path, port)
    made = target.deploy(resolve(MODEL, "challenger"))
    assert made.change == "replaced"
    assert places(port) == {(ALL, made.pid)}
    assert target.deploy(resolve(MODEL, "challenger")).change == "unchanged"
    monkeypatch.delenv(TOKEN)
    with pytest.raises(UserError, match="Whoever reaches 0.0.0.0 could use the endpoint: set"):
        target.deploy(resolve(MODEL, "champion"))
    assert places(port) == {(ALL, made.pid)}


def test_a_host_that_is_kept_is_known_to_need_a_token_before_there_is_a_model(
    port, tmp_path, monkeypatch
):
    target = LocalTarget(tmp_path, port)
    target.check_port(MODEL)
    target.states.read(MODEL).process.end()
    monkeypatch.delenv(TOKEN)
    with pytest.raises(UserError, match="Whoever reaches 0.0.0.0 could use the endpoint: set"):
        target.check_port(MODEL)


def test_it_moves_to_another_address_or_stays_where_it_was(port, tmp_path):
    target = LocalTarget(tmp_path, port, "127.0.0.1")
    before = target.status(MODEL)
    with pytest.raises(UserError, match="while it loaded"):
        target.deploy(resolve(MODEL, "dies"))
    assert places(port) == {(ALL, before.pid)}

    with pytest.raises(UserError, match="version 1 serves again"):
        target.deploy(resolve(MODEL, "unstable"))
    again = target.status(MODEL)
    assert again.healthy and places(port) == {(ALL, again.pid)}

    made = target.deploy(resolve(MODEL, "challenger"))
    assert made.change == "replaced" and target.predict(MODEL, REQUEST)
    assert places(port) == {("127.0.0.1", made.pid)}


def test_an_old_server_that_does_not_share_its_socket_is_ended_last(port, tmp_path, monkeypatch):
    monkeypatch.setattr(port_module, "ask", lambda pid: None)
    target = LocalTarget(tmp_path, port)
    before = target.status(MODEL)
    with pytest.raises(UserError, match="while it loaded.*"):
        target.deploy(resolve(MODEL, "dies"))
    assert places(port) == {(ALL, before.pid)}
    made = target.deploy(resolve(MODEL, "challenger"))
    assert places(port) == {(ALL, made.pid)} and target.predict(MODEL, REQUEST)


def test_an_open_address_is_not_served_again_without_its_token(port, tmp_path, monkeypatch):
    monkeypatch.delenv(TOKEN)
    target = LocalTarget(tmp_path, port, "127.0.0.1")
    with pytest.raises(UserError, match="nor did version 1 come back: Whoever reaches 0.0.0.0"):
        target.deploy(resolve(MODEL, "unstable"))
    assert not places(port)
    assert target.status(MODEL) is None


@pytest.mark.parametrize("host", ["203.0.113.7", "no-such-machine.invalid"])
def test_an_address_of_another_machine_is_refused(host, registry, tmp_path, free_port, monkeypatch):
    monkeypatch.setenv(TOKEN, "a-secret-of-a-test")
    with pytest.raises(UserError, match=f"{host} is no address of this machine"):
        LocalTarget(tmp_path, free_port(), host).deploy(resolve(MODEL, "champion"))


def test_it_serves_on_an_address_of_version_6(registry, tmp_path, free_port):
    target = LocalTarget(tmp_path, free_port(), "::1")
    made = target.deploy(resolve(MODEL, "champion"))
    try:
        assert made.url == f"http://[::1]:{target.port}"
        assert places(target.port) == {("::1", made.pid)}
        assert target.predict(MODEL, REQUEST)
    finally:
        target.delete(MODEL)
