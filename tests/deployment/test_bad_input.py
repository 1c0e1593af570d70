"""What the endpoint says to requests that it cannot answer, and to odd ones that it can."""

import pytest
import requests

ROW = {"t": "2013-01-09T05:00:00", "x": 0.5, "n": 2, "odd name": "a", "flag": True}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def post(endpoint):
    def posted(rows, form="dataframe_records"):
        return requests.post(f"{endpoint}/invocations", json={form: rows}, timeout=120)

    return posted


def without(name):
    return {key: value for key, value in ROW.items() if key != name}


REFUSED = {
    "a required column is missing": ([without("n")], "columns are missing: 'n'"),
    "text for a number": ([{**ROW, "x": "far"}], "Column x is not"),
    "a list for a number": ([{**ROW, "x": [1]}], "Column x is not"),
    "nothing for a whole number": ([{**ROW, "n": None}], "Column n is not"),
    "no moment": ([{**ROW, "t": "yesterday"}], "Column t is not"),
}


@pytest.mark.parametrize(("rows", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("form", ["dataframe_records", "instances"])
def test_refused_with_a_sentence(post, rows, words, form):
    answer = post(rows, form)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error_code", "message"}
    assert words in answer.json()["message"]


@pytest.mark.parametrize("form", ["dataframe_records", "instances"])
def test_no_rows_are_refused(post, form):
    answer = post([], form)
    assert answer.status_code == 400 and answer.json()["message"]


ODD = {
    "more columns": {**ROW, "more": {"a": [1]}},
    "an unknown category": {**ROW, "odd name": "nobody knows"},
    "nothing anywhere": {"t": None, "x": None, "n": 2, "odd name": None, "flag": None},
    "only what is required": {name: ROW[name] for name in ("t", "n", "flag")},
}


@pytest.mark.parametrize("row", ODD.values(), ids=ODD)
def test_odd_rows_are_answered_as_the_model_does(post, served, row):
    import pandas as pd

    wanted = served.predict(pd.DataFrame([row])).to_dict("records")
    assert post([row]).json() == {"predictions": wanted}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_missing(endpoint, post, number):
    body = f'{{"instances": [{{"t": null, "n": 2, "flag": true, "x": {number}}}]}}'
    found = requests.post(f"{endpoint}/invocations", data=body, headers=JSON, timeout=20)
    assert found.json() == post([{"t": None, "n": 2, "flag": True, "x": None}]).json()


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '{"instances": [', '{"instances": {}}'])
def test_broken_bodies(endpoint, body):
    answer = requests.post(f"{endpoint}/invocations", data=body, headers=JSON, timeout=20)
    assert answer.status_code == 400 and answer.json()["message"]


@pytest.mark.slow
def test_a_million_rows(post):
    count = 1_000_000
    columns = {"n": [2, 3] * (count // 2), "flag": [True] * count, "t": [None] * count}
    answer = post(columns, "inputs")
    two = post({name: values[:2] for name, values in columns.items()}, "inputs")
    assert answer.status_code == 200
    predictions = answer.json()["predictions"]
    assert len(predictions) == count
    assert predictions[:2] == predictions[-2:] == two.json()["predictions"]
