"""The server process, over HTTP, with good and bad requests."""

import json
import math
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from tests.deployment.clients import Unfinished

ROOT = Path(__file__).parents[2]
ROW = {"carrier": "UA", "distance": 1400, "wind": 1.0}
PROBABILITY = 1 / (1 + math.exp(-1.5))
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def plain_mlflow(environment, tmp_path_factory, free_port):
    """The address of a plain ``mlflow models serve``, which may not answer yet."""
    port = free_port()
    folder = tmp_path_factory.mktemp("plain")
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["-m", "models:/late-test@champion", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        server = psutil.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    family = [*server.children(recursive=True), server]
    for process in family:
        process.terminate()
    psutil.wait_procs(family, 10)


@pytest.fixture(scope="module")
def url(environment, tmp_path_factory, free_port, eventually, plain_mlflow):
    """A server with narrow limits, started in a folder that is not the project's.

    The plain one is asked for here so that the two start at the same time.
    """
    port = free_port()
    limits = {
        "THROUGHLINE_MAX_BODY_MB": "1",
        "THROUGHLINE_MAX_BODY_SECONDS": "5",
        "THROUGHLINE_MAX_IN_FLIGHT": "2",
    }
    command = [sys.executable, "-m", "throughline.deployment.serve"]
    command += ["--model_uri", "models:/late-test/1", "--port", str(port)]
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "scratch").mkdir()
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={
                **environment,
                **limits,
                "PYTHONPATH": str(ROOT),
                "TMPDIR": str(folder / "scratch"),
            },
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"

    def answers():
        assert server.poll() is None, (folder / "log").read_text()
        try:
            return requests.get(f"{address}/health", timeout=1).ok
        except requests.RequestException:
            return False

    try:
        eventually(answers)
        yield address
    finally:
        server.terminate()
    assert server.wait(10) == 0
    assert not list((folder / "scratch").iterdir())  # the copy of the model went with it
    assert "a secret of the model" in (folder / "log").read_text()  # the trace is kept there


def post(url, body, headers=JSON):
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    return requests.post(f"{url}/invocations", data=text, headers=headers, timeout=20)


def assert_refused(answer, status, words):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error_code", "message"}
    message = answer.json()["message"]
    assert words in message
    assert "Traceback" not in message and "\n" not in message and len(message) < 520


GOOD = {
    "records": {"dataframe_records": [ROW]},
    "split": {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())]}},
    "instances": {"instances": [ROW]},
    "inputs": {"inputs": {name: [value] for name, value in ROW.items()}},
    "extra column": {"dataframe_records": [{**ROW, "colour": "red"}]},
}


@pytest.mark.parametrize("request_body", GOOD.values(), ids=GOOD)
def test_every_json_form_gives_the_same_answer(url, request_body):
    answer = post(url, request_body)
    assert answer.status_code == 200, answer.text
    (row,) = answer.json()["predictions"]
    assert row["prediction"] == 1 and row["threshold"] == 0.5
    assert row["probability"] == pytest.approx(PROBABILITY, abs=1e-12)


def test_csv(url):
    for moment in ("2013-10-01T05:00:00", "2013-10-01 05:00:00", ""):
        rows = f"carrier,distance,wind,time_hour\nUA,1400,1.0,{moment}\n"
        answer = post(url, rows, {"Content-Type": "text/csv"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"][0]["probability"] == pytest.approx(PROBABILITY)


def test_optional_columns_may_be_absent_or_null(url):
    absent = post(url, {"dataframe_records": [{"carrier": "UA", "distance": 1400}]})
    null = post(url, {"dataframe_records": [{**ROW, "wind": None, "time_hour": None}]})
    assert absent.status_code == null.status_code == 200
    assert absent.json() == null.json()


def test_a_frame_with_columns_and_no_rows_gives_no_predictions(url):
    answer = post(url, {"dataframe_split": {"columns": list(ROW), "data": []}})
    assert answer.status_code == 200 and answer.json() == {"predictions": []}


BAD = {
    "broken": ('{"dataframe_records": [', "not valid JSON: Expecting value: line 1"),
    "no body": ("", "not valid JSON"),
    "not text": (b"\xff\xfe", "not valid JSON"),
    "too deep": ("[" * 100_000, "cannot be read"),
    "a list": ("[1, 2]", "Received a list"),
    "null": ("null", "JSON dictionary"),
    "no form": ({}, "exactly one of the input fields"),
    "two forms": ({"inputs": [ROW], "instances": [ROW]}, "exactly one of the input fields"),
    "missing": (
        {"dataframe_records": [{"carrier": "UA"}]},
        "These columns are missing: 'distance'",
    ),
    "wrong type": ({"dataframe_records": [{**ROW, "distance": "far"}]}, "Column distance is not"),
    "null cell": ({"dataframe_records": [{**ROW, "distance": None}]}, "Column distance is not"),
    "overflow": ({"dataframe_records": [{**ROW, "distance": 10**30}]}, "Column distance is not"),
    "list in a cell": ({"dataframe_records": [{**ROW, "wind": [1]}]}, "Column wind is not"),
    "no date": ({"dataframe_records": [{**ROW, "time_hour": "x"}]}, "Column time_hour is not"),
    "empty": ({"dataframe_records": []}, "These columns are missing: 'carrier', 'distance'"),
    "empty split": ({"dataframe_split": {}}, "must have 'data'"),
    "ragged": ({"dataframe_split": {"columns": ["a", "b"], "data": [["x"]]}}, "2 columns passed"),
    "ragged inputs": ({"inputs": {"carrier": ["UA"], "distance": [1, 2]}}, "the same length"),
    "numbers": ({"instances": [1, 2]}, "These columns are missing"),
    "a bug": ({"dataframe_records": [{**ROW, "carrier": "BUG"}]}, "could not score these values"),
}


@pytest.mark.parametrize(("body", "words"), BAD.values(), ids=BAD)
def test_a_bad_request_is_refused_with_a_sentence(url, body, words):
    answer = post(url, body)
    assert_refused(answer, 400, words)
    assert "secret" not in answer.text


BAD_TYPES = {
    "csv junk": (b"a,b\n1,2\n", {"Content-Type": "text/csv"}, 400, "columns are missing"),
    "csv bytes": (b"\xff\xfe\x00", {"Content-Type": "text/csv"}, 400, "cannot be read"),
    "csv empty": (b"", {"Content-Type": "text/csv"}, 400, "No columns"),
    "xml": (b"<a/>", {"Content-Type": "text/xml"}, 415, "content types"),
    "latin": (b"{}", {"Content-Type": "application/json; charset=latin-1"}, 415, "UTF-8"),
    "parameter": (b"{}", {"Content-Type": "application/json; q=1"}, 415, "parameters: q."),
    "none": (b"{}", {}, 415, "Content-Type"),
}


@pytest.mark.parametrize(("body", "headers", "status", "words"), BAD_TYPES.values(), ids=BAD_TYPES)
def test_a_bad_content_type_is_refused(url, body, headers, status, words):
    assert_refused(post(url, body, headers), status, words)


def test_unknown_routes_and_methods(url):
    assert_refused(requests.get(f"{url}/nope", timeout=5), 404, "There is no GET /nope")
    assert_refused(requests.get(f"{url}/invocations", timeout=5), 405, "There is no GET")
    assert_refused(
        requests.post(f"{url}/model", json={}, timeout=5), 404, "POST /invocations scores"
    )


def test_it_tells_what_it_serves(url):
    described = requests.get(f"{url}/model", timeout=5).json()
    assert (described["name"], described["version"]) == ("late-test", "1")
    assert described["model_uri"] == "models:/late-test/1" and described["run_id"]
    columns = {c["name"]: c["required"] for c in described["signature"]["inputs"]}
    assert columns == {"carrier": True, "distance": True, "wind": False, "time_hour": False}
    assert requests.get(f"{url}/ping", timeout=5).ok


def test_a_large_body_is_refused_with_and_without_its_length(url):
    large = b"[" * (5 * 2**20)
    assert_refused(post(url, large), 413, "larger than 1 MB")
    chunks = (large[i : i + 65536] for i in range(0, len(large), 65536))
    unannounced = requests.post(f"{url}/invocations", data=chunks, headers=JSON, timeout=20)
    assert_refused(unannounced, 413, "larger than 1 MB")


def test_too_many_requests_are_turned_away_and_the_others_are_answered(url, eventually):
    held = [Unfinished(url), Unfinished(url)]

    def turned_away():
        answer = post(url, GOOD["records"])
        return [answer] if answer.status_code != 200 else []

    (busy,) = eventually(turned_away, seconds=4.5)
    assert_refused(busy, 503, "busy")
    assert busy.headers["retry-after"] == "1"
    assert requests.get(f"{url}/health", timeout=5).ok
    for request in held:
        request.finish()
    assert [request.status() for request in held] == [200, 200]
    assert post(url, GOOD["records"]).status_code == 200


def test_a_body_that_never_ends_is_refused(url):
    assert Unfinished(url).status() == 408


def test_a_client_that_leaves_frees_its_place(url, eventually):
    for _ in range(4):
        Unfinished(url).socket.close()
    eventually(lambda: post(url, GOOD["records"]).status_code == 200, seconds=4.5)


def test_the_model_runs_under_plain_mlflow(plain_mlflow, eventually):
    def answer():
        try:
            return [post(plain_mlflow, GOOD["records"])]
        except requests.ConnectionError:
            return []

    (row,) = eventually(answer)[0].json()["predictions"]
    assert row["probability"] == pytest.approx(PROBABILITY, abs=1e-12)
