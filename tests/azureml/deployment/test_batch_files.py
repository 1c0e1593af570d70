"""Files of rows as requests, and what a batch job writes and reads again; without Azure ML."""

import datetime as dt
import json

import pytest

from throughline.azureml.batch_files import requests_of
from throughline.azureml.batch_scoring import BatchService, predictions_in

ROWS = [{"carrier": "UA", "wind": 1.5}, {"carrier": "AA", "wind": None}, {"carrier": "", "wind": 0}]


def records(path, rows):
    parts = [json.loads(body)["dataframe_records"] for body, _ in requests_of(path, rows)]
    assert all(0 < len(part) <= rows for part in parts)
    return [row for part in parts for row in part]


def test_lines_and_parquet_are_read_in_parts(tmp_path):
    import pandas as pd

    lines, table = tmp_path / "a.jsonl", tmp_path / "b.PARQUET"
    lines.write_text("\n\n".join(map(json.dumps, ROWS)))
    pd.DataFrame(ROWS).to_parquet(table)
    assert records(lines, 2) == records(table, 2) == ROWS


def test_moments_and_whole_numbers_of_parquet_stay_what_they_are(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"at": dt.datetime(2013, 10, 1, 5), "n": 2**53 + 1}, {"at": None, "n": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert records(tmp_path / "a.parquet", 9) == [
        {"at": "2013-10-01 05:00:00", "n": 2**53 + 1},
        {"at": None, "n": None},
    ]


def test_each_part_of_a_csv_has_the_header(tmp_path):
    (tmp_path / "a.csv").write_text('carrier,note\nUA,"one\ntwo"\nAA,3\nB6,4\n')
    bodies = list(requests_of(tmp_path / "a.csv", 2))
    assert {kind for _, kind in bodies} == {"text/csv"}
    assert [body.splitlines()[0] for body, _ in bodies] == ["carrier,note"] * 2
    assert bodies[0][0].replace("\r\n", "\n") == 'carrier,note\nUA,"one\ntwo"\nAA,3\n'


def test_a_request_is_taken_as_it_is(tmp_path):
    (tmp_path / "a.json").write_text('{"dataframe_split": 1}')
    assert list(requests_of(tmp_path / "a.json")) == [
        ('{"dataframe_split": 1}', "application/json")
    ]


def test_a_file_of_something_else_is_told(tmp_path):
    with pytest.raises(ValueError, match="a.xlsx is no file of rows; give .csv, .parquet, .jsonl"):
        list(requests_of(tmp_path / "a.xlsx"))


@pytest.mark.parametrize("as_csv", [False, True])
def test_predictions_are_read_however_a_line_is_written(as_csv):
    lines = [json.dumps({"file": f"/in/{name}", "predictions": [1.5, None]}) for name in "ba"]
    written = [f'"{line.replace(chr(34), chr(34) * 2)}"' if as_csv else line for line in lines]
    assert [one["file"] for one in predictions_in([*written, ""])] == ["/in/a", "/in/b"]


def test_a_row_that_the_model_cannot_score_ends_no_job(complete, prepared, tmp_path):
    import mlflow.pyfunc

    from throughline.checkout import project_root
    from throughline.deployment.app import create_app
    from throughline.deployment.limits import Limits
    from throughline.models.signature import conform, signature_of

    rows = conform(prepared.raw_rows("test", 2), prepared.plan.inputs)
    complete.save(tmp_path / "served")
    mlflow.pyfunc.save_model(
        str(tmp_path / "model"),
        python_model=str(project_root() / "throughline/models/served_pyfunc.py"),
        artifacts={"served": str(tmp_path / "served")},
        signature=signature_of(prepared.plan, complete.predict(rows)),
        pip_requirements=["mlflow"],
    )
    model = BatchService.ready(mlflow.pyfunc.load_model(str(tmp_path / "model")))
    service = BatchService(create_app(model, "models:/small/1", Limits()))
    rows.loc[0, "t"] = None
    file = tmp_path / "rows.jsonl"
    rows.to_json(file, orient="records", lines=True, date_format="iso")
    (told,) = predictions_in(service.score([str(file)]))
    found = told["predictions"]
    assert found[0]["prediction"] is None and found[0]["probability"] is None
    assert found[1]["prediction"] in (0, 1)
