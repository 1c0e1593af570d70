"""Which requests are plain, and what their rows are then."""

import datetime as dt
import json

import pytest
from mlflow.types import ColSpec, Schema

from throughline.deployment.plain_rows import (
    Ambiguous,
    NotPlain,
    as_frame,
    fields_of,
    plain_rows,
)

FIELDS = fields_of(
    Schema(
        [
            ColSpec("datetime", "t"),
            ColSpec("double", "x", required=False),
            ColSpec("long", "n"),
            ColSpec("string", "c", required=False),
            ColSpec("boolean", "b", required=False),
        ]
    )
)
ROW = {"t": "2013-10-01T05:00:00", "x": 1, "n": 2, "c": "a", "b": True}
READ = {"t": dt.datetime(2013, 10, 1, 5, tzinfo=dt.UTC), "x": 1.0, "n": 2, "c": "a", "b": True}
FORMS = {
    "records": {"dataframe_records": [ROW, ROW]},
    "split": {"dataframe_split": {"columns": list(ROW), "data": [list(ROW.values())] * 2}},
    "split with an index": {
        "dataframe_split": {"index": [7, 7], "columns": list(ROW), "data": [list(ROW.values())] * 2}
    },
    "instances": {"instances": [ROW, ROW]},
    "inputs": {"inputs": {name: [value, value] for name, value in ROW.items()}},
    "inputs by row": {"inputs": [ROW, ROW]},
}


def read(request):
    return plain_rows(json.dumps(request).encode(), FIELDS)[0]


@pytest.mark.parametrize("request_body", FORMS.values(), ids=FORMS)
def test_the_four_forms(request_body):
    assert read(request_body) == {name: [value, value] for name, value in READ.items()}


def test_what_may_be_absent_is_missing_and_more_is_left_out():
    rows = [{"t": ROW["t"], "n": 1, "more": []}, {"t": None, "n": 2, "x": 0.5}]
    found = read({"instances": rows})
    assert found["x"] == [None, 0.5] and found["c"] == found["b"] == [None, None]
    assert found["t"] == [READ["t"], None] and list(found) == list(ROW)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "null", "1e999"])
def test_what_is_no_finite_number_is_missing(value):
    body = json.dumps({"instances": [ROW]}).replace('"x": 1', f'"x": {value}')
    assert plain_rows(body.encode(), FIELDS)[0]["x"] == [None]


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2013-10-01", 0),
        ("2013-10-01 05:00", 5),
        ("2013-10-01T05:00:00Z", 5),
        ("2013-10-01T05:00:00.000", 5),
        ("2013-10-01T07:00:00+02:00", 5),
    ],
)
def test_moments_are_in_utc(written, hour):
    (found,) = read({"instances": [{**ROW, "t": written}]})["t"]
    assert found == dt.datetime(2013, 10, 1, hour, tzinfo=dt.UTC)


LEFT_TO_MLFLOW = {
    "broken": b"{",
    "no text": b"\xff",
    "too deep": b"[" * 100_000,
    "a list": [1],
    "no form": {},
    "another parameter": {"instances": [ROW], "params": {"temperature": 1}},
    "a parameter that is no truth": {"instances": [ROW], "params": {"explain": 1}},
    "no parameters": {"instances": [ROW], "params": [1]},
    "a parameter of another type": {"instances": [ROW], "params": {"explain": "yes"}},
    "another key": {"instances": [ROW], "more": 1},
    "an unknown form": {"rows": [ROW]},
    "no rows": {"dataframe_records": []},
    "no rows in split": {"dataframe_split": {"columns": ["n"], "data": []}},
    "no columns": {"dataframe_split": {"data": [[1]]}},
    "an index of another length": {
        "dataframe_split": {"columns": ["n"], "data": [[1]], "index": []}
    },
    "an index that is no list": {
        "dataframe_split": {"columns": ["n"], "data": [[1]], "index": "a"}
    },
    "a column twice": {"dataframe_split": {"columns": ["n", "n"], "data": [[1, 2]]}},
    "ragged": {"dataframe_split": {"columns": ["n"], "data": [[1, 2]]}},
    "ragged inputs": {"inputs": {"n": [1], "t": [None, None]}},
    "a scalar": {"inputs": {"n": 1}},
    "no such row": {"instances": [1]},
    "a required column": {"instances": [{"n": 1}]},
    "a required number": {"instances": [{**ROW, "n": None}]},
    "text for a number": {"instances": [{**ROW, "x": "1"}]},
    "a decimal for a whole": {"instances": [{**ROW, "n": 1.0}]},
    "a whole too large": {"instances": [{**ROW, "n": 2**63}]},
    "a number too large to be exact": {"instances": [{**ROW, "x": 2**53 + 1}]},
    "truth for a number": {"instances": [{**ROW, "x": True}]},
    "a number for text": {"instances": [{**ROW, "c": 1}]},
    "half of a pair": {"instances": [{**ROW, "c": "\ud800"}]},
    "a number for truth": {"instances": [{**ROW, "b": 1}]},
    "a number for a moment": {"instances": [{**ROW, "t": 1}]},
    "no such day": {"instances": [{**ROW, "t": "2013-02-30"}]},
    "a year out of reach": {"instances": [{**ROW, "t": "1677-01-01"}]},
    "a week": {"instances": [{**ROW, "t": "2013-W40"}]},
    "a list in a cell": {"instances": [{**ROW, "c": []}]},
}


@pytest.mark.parametrize("request_body", LEFT_TO_MLFLOW.values(), ids=LEFT_TO_MLFLOW)
def test_what_is_left_to_mlflow(request_body):
    body = request_body if isinstance(request_body, bytes) else json.dumps(request_body).encode()
    with pytest.raises(NotPlain):
        plain_rows(body, FIELDS)


def test_signatures_that_are_left_to_mlflow():
    assert fields_of(None) is None
    assert fields_of(Schema([ColSpec("double")])) is None
    assert fields_of(Schema([ColSpec("binary", "b")])) is None


@pytest.mark.parametrize(
    ("params", "explain"),
    [(None, False), ({}, False), ({"explain": False}, False), ({"explain": True}, True)],
)
def test_whether_to_explain(params, explain):
    body = json.dumps({"instances": [ROW], "params": params}).encode()
    assert plain_rows(body, FIELDS)[1] is explain


@pytest.mark.parametrize("request_body", FORMS.values(), ids=FORMS)
def test_what_mlflow_gets_is_a_frame(request_body):
    given = {**request_body, "params": {"temperature": 1}}
    split = {"columns": list(ROW), "data": [list(ROW.values())] * 2}
    wanted = {"params": {"temperature": 1}, "dataframe_split": split}
    assert json.loads(as_frame(json.dumps(given).encode(), FIELDS)) == wanted


def test_what_mlflow_gets_has_moments_in_utc_and_no_null_that_it_would_take_for_false():
    rows = [{**ROW, "t": "2013-10-01T07:00:00+02:00", "x": "1"}, {**ROW, "t": "soon"}]
    found = json.loads(as_frame(json.dumps({"instances": rows}).encode(), FIELDS))
    moments = [row[0] for row in found["dataframe_split"]["data"]]
    assert moments == ["2013-10-01T05:00:00", "soon"]
    rows[0]["b"] = None
    with pytest.raises(Ambiguous, match="The column 'b' has a null"):
        as_frame(json.dumps({"instances": rows}).encode(), FIELDS)


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"instances": [1]}', b'{"inputs": 1}'])
def test_what_is_no_frame_stays(body):
    assert as_frame(body, FIELDS) == body
