import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.models.signature import conform, signature_of


def test_columns_are_optional_where_training_rows_missed_them(served, prepared):
    rows = conform(prepared.raw_rows("test", limit=4), prepared.plan.inputs)
    signature = signature_of(prepared.plan, served.predict(rows))
    found = {c.name: (c.type.name, c.required) for c in signature.inputs}
    assert found == {
        "t": ("datetime", True),
        "x": ("double", False),
        "n": ("long", True),
        "odd name": ("string", False),
        "flag": ("boolean", True),
    }
    outputs = {c.name: c.type.name for c in signature.outputs}
    assert outputs == {"prediction": "long", "probability": "double", "threshold": "double"}


def test_rows_brought_to_the_signature_pass_mlflows_check(served, prepared):
    from mlflow.models.utils import _enforce_schema

    rows = conform(prepared.raw_rows("test"), prepared.plan.inputs)
    signature = signature_of(prepared.plan, served.predict(rows))
    checked = _enforce_schema(rows, signature.inputs)
    pd.testing.assert_frame_equal(served.predict(checked), served.predict(rows))
    raw = served.predict(prepared.raw_rows("test"))
    pd.testing.assert_frame_equal(served.predict(rows), raw)


def test_only_what_the_model_reads_stays(prepared):
    rows = conform(prepared.raw_rows("test", limit=1), prepared.plan.inputs)
    assert set(rows.columns) == {"t", "x", "n", "odd name", "flag"}
    assert rows["t"].dtype == "datetime64[ns]"


def test_a_whole_number_that_may_be_missing_is_double():
    from throughline.features.layout import Layout
    from throughline.features.plan import Input, Plan

    layout = Layout(features=(), label="y", task="regression")
    plan = Plan(inputs=(Input(name="n", type="long", optional=True),), ops=(), layout=layout)
    signature = signature_of(plan, pd.DataFrame({"prediction": [1.0]}))
    (column,) = list(signature.inputs)
    assert (column.type.name, column.required) == ("double", False)
    rows = conform(pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}), plan.inputs)
    assert rows["n"].tolist() == pytest.approx([1.0, float("nan")], nan_ok=True)


OPEN_ENDED = [dt.datetime(9999, 12, 31), dt.datetime(2013, 1, 9, 5), dt.datetime(1, 1, 1)]


@pytest.mark.parametrize(
    "stored",
    [
        pa.array(OPEN_ENDED, pa.timestamp("us")),
        pa.array(OPEN_ENDED, pa.timestamp("us", "UTC")),
        pa.array(OPEN_ENDED, pa.date32()),
    ],
    ids=lambda array: str(array.type),
)
def test_an_open_ended_moment_is_missing_and_none_in_an_example(make_table, stored):
    from throughline.features.plan import Input
    from throughline.models.raw_frame import raw_frame

    table = make_table("binary")
    plan = table.plan.model_copy(update={"inputs": (Input(name="t", type="timestamp"),)})
    table.__dict__["plan"] = plan
    folder = Path(table.output.path("raw/__split=train"))
    folder.mkdir(parents=True)
    rows = pa.table({"t": stored, "id": [1, 2, 3], "y": ["no", "yes", "no"]})
    old = stored.type == pa.timestamp("us")  # as Spark writes it
    pq.write_table(rows, folder / "rows.parquet", use_deprecated_int96_timestamps=old)
    read = table.raw_rows("train")
    hour = 0 if stored.type == pa.date32() else 5
    found = conform(read, plan.inputs)["t"]
    assert found.dtype == "datetime64[ns]"
    assert found.isna().tolist() == [True, False, True]
    assert found[1] == dt.datetime(2013, 1, 9, hour)
    assert raw_frame(read, plan.inputs)["t"].dt.year().to_list() == [9999, 2013, 1]
    assert conform(table.example(), plan.inputs)["t"].tolist() == [found[1]]
