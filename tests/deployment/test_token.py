"""An endpoint that others can reach answers only who has the token."""

import subprocess

import pytest
import requests

from throughline.deployment.local import LocalTarget
from throughline.deployment.targets import open_target
from throughline.deployment.token import TOKEN, check_host
from throughline.deployment.versions import resolve
from throughline.errors import UserError

MODEL = "late-test"
REQUEST = {"dataframe_records": [{"carrier": "UA", "distance": 1000}]}
SECRET = "a-secret-of-a-test"  # noqa: S105


@pytest.fixture
def target(registry, tmp_path, free_port, monkeypatch):
    monkeypatch.setenv(TOKEN, SECRET)
    target = LocalTarget(tmp_path / "deployments", free_port(), "0.0.0.0")  # noqa: S104
    yield target
    target.delete(MODEL)


def test_only_who_has_the_token_is_answered(target, monkeypatch, registry):
    served = target.deploy(resolve(MODEL, "champion"))
    assert served.url == f"http://127.0.0.1:{target.port}"
    assert served.header == f"Authorization: Bearer ${TOKEN}"
    assert target.predict(MODEL, REQUEST)
    for header in ({}, {"Authorization": "Bearer of-another"}, {"Authorization": SECRET}):
        for ask in (
            lambda h: requests.post(
                f"{served.url}/invocations", json=REQUEST, headers=h, timeout=9
            ),
            lambda h: requests.get(f"{served.url}/model", headers=h, timeout=9),
        ):
            answer = ask(header)
            assert answer.status_code == 401
            assert answer.json()["message"] == "This endpoint needs a token."
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert requests.get(f"{served.url}/health", timeout=9).ok
    told = subprocess.run(
        ["bash", "steps/smoke.sh", served.url], capture_output=True, text=True, timeout=60
    )
    assert told.returncode == 0, told.stderr
    kept = [path for path in target.states.folder.rglob("*") if path.is_file()]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]

    again = target.deploy(resolve(MODEL, "champion"))
    assert again.change == "unchanged"
    monkeypatch.setenv(TOKEN, "another-secret-of-a-test")
    assert target.deploy(resolve(MODEL, "champion")).change == "replaced"
    assert target.predict(MODEL, REQUEST)
    with_old = {"Authorization": f"Bearer {SECRET}"}
    assert requests.get(f"{served.url}/model", headers=with_old, timeout=9).status_code == 401


@pytest.mark.parametrize("token", ["", "guess"])
def test_no_host_that_others_reach_without_a_good_token(monkeypatch, tmp_path, token):
    monkeypatch.setenv(TOKEN, token)
    with pytest.raises(
        UserError, match="set THROUGHLINE_ENDPOINT_TOKEN to a secret of at least 16"
    ):
        open_target("local", str(tmp_path), 5055, "0.0.0.0")  # noqa: S104
    for host in ("127.0.0.1", "localhost", "::1"):
        check_host(host)
