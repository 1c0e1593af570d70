"""The endpoint of a model of this project: one answer for a row, whoever reads the request."""

import csv
import datetime as dt
import io
import json

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.pyfunc import scoring_server

from throughline.deployment import plain_requests
from throughline.deployment.plain_rows import fields_of

MOMENTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)).map(
    lambda moment: moment.isoformat(timespec="seconds")
)
CELLS = {
    "t": MOMENTS,
    "x": st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-9, 9), st.just(float("nan"))),
    "n": st.integers(-3, 9),
    "odd name": st.one_of(st.none(), st.sampled_from(["a", "b", "时间", "never seen", ""])),
    "flag": st.booleans(),
}
TEXT = {"x": "0.5"}
"""A number as text, which MLflow takes: such a request is not plain."""

MISSING = {name: st.one_of(st.none(), cells) for name, cells in CELLS.items() if name != "n"}
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


def rows_of(cells, most=4):
    return st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=most)


@pytest.fixture(scope="module")
def ask(endpoint):
    with requests.Session() as session:
        session.trust_env = False

        def asked(request, kind="application/json"):
            text = json.dumps(request)
            headers = {"Content-Type": kind}
            return session.post(f"{endpoint}/invocations", data=text, headers=headers, timeout=60)

        yield asked


def forms(rows):
    names = list(rows[0])
    return {
        "records": {"dataframe_records": rows},
        "split": {
            "dataframe_split": {"columns": names, "data": [[row[n] for n in names] for row in rows]}
        },
        "instances": {"instances": rows},
        "inputs": {"inputs": {name: [row[name] for row in rows] for name in names}},
    }


of_the_session = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@of_the_session
@given(rows=rows_of(CELLS))
def test_mlflow_itself_gives_the_same_answer(ask, small_model, rows):
    schema = small_model.metadata.get_input_schema()
    for form in ("records", "split"):
        text = json.dumps(forms(rows)[form])
        own = scoring_server.invocations(text, "application/json", small_model, schema)
        answer = ask(forms(rows)[form])
        assert answer.status_code == own.status == 200
        assert answer.json() == json.loads(own.response)


@of_the_session
@given(rows=rows_of({**MISSING, "n": CELLS["n"]}))
def test_a_row_has_one_answer_in_every_form_and_alone(ask, served, rows):
    together = ask(forms(rows)["records"]).json()["predictions"]
    for request in forms(rows).values():
        assert ask(request).json()["predictions"] == together
    alone = [ask(forms([row])["split"]).json()["predictions"][0] for row in rows]
    assert alone == together
    import pandas as pd

    assert served.predict(pd.DataFrame(rows)).to_dict("records") == together
    explained = ask({**forms(rows)["instances"], "params": {"explain": True}}).json()["predictions"]
    assert all(0 < len(row.pop("contributions")) <= 5 for row in explained)
    assert explained == together


@pytest.mark.parametrize("form", ["records", "split", "instances", "inputs"])
def test_a_row_that_mlflow_reads_has_one_answer_in_every_form(ask, form):
    row = {"t": None, "x": 0.5, "n": 2, "odd name": None, "flag": True}
    plain = ask(forms([row])["records"]).json()
    assert ask(forms([{**row, **TEXT}])[form]).json() == plain


def test_a_null_that_mlflow_would_take_for_false_is_missing_or_refused(ask, served):
    import pandas as pd

    row = {"t": "2013-01-09T05:00:00Z", "x": 0.5, "n": 2, "odd name": "a", "flag": None}
    wanted = served.predict(pd.DataFrame([row])).to_dict("records")
    frame = {"columns": list(row), "index": [0], "data": [list(row.values())]}
    assert ask({"dataframe_split": frame}).json()["predictions"] == wanted
    answer = ask({"instances": [{**row, **TEXT}]})
    assert answer.status_code == 400 and "'flag' has a null" in answer.json()["message"]
    zoned = {**row, "flag": True}
    assert ask({"instances": [{**zoned, **TEXT}]}).json() == ask({"instances": [zoned]}).json()


@pytest.mark.parametrize(
    "kind",
    [
        "application/json; charset=UTF-8",
        "application/json ;charset=Utf-8",
        "application/json; charset=latin-1; charset=utf-8",
        'Application/JSON; Charset="utf-8"',
    ],
)
def test_the_spelling_of_a_type_changes_no_answer(ask, kind):
    row = {"t": "2013-01-09T05:00:00", "x": 0.5, "n": 2, "odd name": None, "flag": True}
    for known in (row, {**row, **TEXT}):
        answer = ask({"instances": [known]}, kind)
        assert answer.json() == ask({"instances": [known]}).json()
    assert ask({"instances": [row]}, "application/json; charset=latin-1").status_code == 415


def test_what_cannot_be_explained_is_refused(ask):
    row = {"t": None, "n": 2, "flag": True}
    answer = ask({"instances": [row], "params": {"explain": "yes"}})
    assert answer.status_code == 400 and answer.json()["message"]


@of_the_session
@given(rows=rows_of({name: st.one_of(CELLS[name], JUNK) for name in CELLS}, 2), data=st.data())
def test_junk_is_answered_or_refused_and_never_breaks_the_server(ask, rows, data):
    request = data.draw(st.one_of(st.sampled_from(list(forms(rows).values())), JUNK))
    answer = ask(request)
    assert answer.status_code == 200 or 400 <= answer.status_code < 500, answer.text
    if answer.status_code == 200:
        assert len(answer.json()["predictions"]) == len(rows)
    else:
        assert set(answer.json()) == {"error_code", "message"}


def test_small_and_large_bodies_are_answered_alike(ask):
    row = {"t": "2013-01-09T05:00:00", "x": 0.5, "n": 2, "odd name": "a", "flag": True}
    count = 2 * plain_requests._AT_ONCE // len(json.dumps(row))
    many = ask({"instances": [row] * count}).json()["predictions"]
    assert many == ask({"instances": [row]}).json()["predictions"] * count


def test_plain_requests_do_not_reach_mlflow(small_model):
    from starlette.testclient import TestClient

    async def nobody(scope, receive, send):
        raise AssertionError("MLflow was asked")

    app = plain_requests.PlainRequests(nobody, small_model)
    row = {"t": "2013-01-09T05:00:00", "n": 2, "flag": True}
    client = TestClient(app)
    assert client.post("/invocations", json={"instances": [row]}).status_code == 200
    with pytest.raises(AssertionError, match="MLflow was asked"):
        client.post("/invocations", json={"instances": [{**row, "n": "2"}]})
    with pytest.raises(AssertionError, match="MLflow was asked"):
        client.post("/ping", json={})


def test_what_the_model_refuses_is_left_to_mlflow(small_model):
    fields = fields_of(small_model.metadata.get_input_schema())

    def refuse(columns, explain):
        raise ValueError("no")

    body = json.dumps({"instances": [{"t": None, "n": 1, "flag": None}]}).encode()
    assert plain_requests.answered(body, fields, refuse) is None


def test_csv_has_the_answer_of_json(endpoint, ask):
    """As in a table for training: NA and nothing are missing, spaces around are no part."""
    rows = [
        {"t": "2013-01-02T03:04:05", "x": 0.1, "n": 3, "odd name": "a", "flag": True},
        {"t": "2013-01-02T03:04:05Z", "x": None, "n": -1, "odd name": "时间", "flag": False},
        {"t": "2013-01-02", "x": 2, "n": 0, "odd name": None, "flag": True},
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    text.write("2013-01-02,NA, 0, NA ,True\n")
    rows.append({**rows[-1], "x": None})
    body = text.getvalue().encode()
    for kind in ("text/csv", "text/csv;charset=UTF-8"):
        headers = {"Content-Type": kind}
        given = requests.post(f"{endpoint}/invocations", body, headers=headers, timeout=60)
        assert given.status_code == 200, given.text
        assert given.json() == ask({"dataframe_records": rows}).json()
