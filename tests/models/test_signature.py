import pandas as pd
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
