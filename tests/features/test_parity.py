"""Any plan on any rows: what training sees on Spark is what serving sees on Polars."""

import datetime as dt
import math

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import UserError
from throughline.features.fitting import fit_plan
from throughline.features.plan import Plan
from throughline.features.registry import OPS, parse_op
from throughline.features.selection import FeatureSelection
from throughline.models.raw_frame import raw_frame
from throughline.sources.tables import read_table

EXAMPLES = 6
TRAINING, ALL = 12, 16
LETTERS = st.sampled_from(
    ["a", "b.c", "d`", "e'", 'f"', " g h", "时间", "Ω", "ß", "É", "\\", ",;{}()=%$"]
)
NAMES = st.lists(
    st.lists(LETTERS, min_size=1, max_size=3).map("".join), min_size=6, max_size=6,
    unique_by=lambda name: name.replace(".", "_").replace("`", "_"),
)  # fmt: skip
NUMBERS = st.one_of(
    st.none(),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e10, 1e-7, 5e-324, 0.1]),
    st.floats(-1e15, 1e15),
    st.integers(-5, 5).map(float),
)
WHOLE = st.one_of(st.none(), st.integers(-3, 3), st.integers(-(2**52), 2**52))
TEXTS = st.one_of(
    st.none(), st.sampled_from(["", " ", "a", "A", "é", "e\u0301", "NA", "时", "'", "\\n", "\t"])
)
# Polars' time zones know no daylight saving after 2037.
MOMENTS = st.one_of(
    st.none(),
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2037, 12, 31), timezones=st.just(dt.UTC)),
)
COLUMNS = (NUMBERS, NUMBERS, WHOLE, TEXTS, TEXTS, MOMENTS)
LOUD = [{"in": ["ab c", "x"], "out": "AB C x"}, {"in": ["d", "y z"], "out": "D y z"}]
ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])


@st.composite
def problems(draw):
    """Names, rows (the last ones only to serve) and a line for every op."""
    names = draw(NAMES)
    rows = [draw(st.lists(values, min_size=ALL, max_size=ALL)) for values in COLUMNS]
    x, z, n, c, d, t = (name.replace(".", "_").replace("`", "_") for name in names)
    strategy = st.sampled_from(["mean", "median", "mode"])
    method = st.sampled_from(["standard", "min_max", "robust"])
    functions = ["mean", "count", "distinct", "min", "max", "std"]
    middle = draw(
        st.permutations(
            [
                {"fill": {"columns": [d], "value": draw(st.sampled_from(["?", "", "é"]))}},
                {"fill": {"columns": [n], "value": draw(st.sampled_from([0, -1]))}},
                {"flag": {"name": "flag 1", "when": f"col({x!r}) > 0 or col({c!r}) == 'a'"}},
                {"flag": {"name": "flag 2", "when": f"col({x!r}) / col({z!r}) < col({n!r})"}},
                {"impute": {"columns": [x], "strategy": draw(strategy), "flag": True}},
                {"date_parts": {"column": t, "parts": ["hour", "day_of_week", "day_of_year",
                                                        "quarter", "week", "days_to_holiday"],
                                "cyclic": ["month"], "country": "US", "time_zone": draw(ZONES)}},
                {"clip": {"columns": [z], "quantiles": [0.1, 0.9]}},
                {"bin": {"column": x, "quantiles": draw(st.integers(2, 5))}},
                {"bin": {"column": z, "width": 3}},
                {"frequency": {"columns": [c, d, n, x]}},
                {"expression": {"name": "e 1", "value": f"col({x!r}) * col({z!r}) / col({n!r})"}},
                {"interact": {"columns": [x, n], "name": "product"}},
                {"interact": {"columns": [c, d], "name": "crossing 1"}},
                {"interact": {"columns": [d, c], "name": "crossing 2"}},
                {"impute_by_group": {"columns": [z], "by": [d], "flag": True}},
                {"impute_by_cluster": {"columns": [z], "using": [x, n], "clusters": 3}},
                {"target_mean": {"columns": [c, n, x], "smoothing": draw(st.integers(0, 3))}},
                {"aggregate": {"by": [c], "of": "id", "functions": functions}},
                {"aggregate": {"by": [c], "of": x, "functions": functions, "smoothing": 2}},
                {"aggregate": {"by": [n, d], "of": z, "functions": ["count", "max"]}},
            ]
        )
    )  # fmt: skip
    widest = draw(st.integers(1, 5))
    last = [
        {"rename": {"columns": {"crossing 1": "时 1"}}},
        {"hash": {"columns": ["时 1"], "buckets": draw(st.integers(2, 9))}},
        {"ordinal": {"columns": ["crossing 2"], "by": "frequency"}},
        {"drop": {"columns": ["product"]}},
        {"embed": {"column": d, "size": 2, "min_count": 1}},
        {"embed": {"column": c, "sequence_by": n, "order_by": x, "size": 2, "min_count": 1}},
        {"derive_by_example": {"name": "loud", "from": [c, d], "examples": LOUD}},
        {"one_hot": {"columns": [c, d, n, "loud"], "max_categories": widest}},
        {"scale": {"columns": [x], "with": draw(method)}},
    ]
    return dict(zip(names, rows, strict=True)), [*middle, *last, {"one_hot": {"columns": [z]}}]


def arrow(rows):
    import pyarrow as pa

    types = (
        pa.float64(),
        pa.float64(),
        pa.int64(),
        pa.string(),
        pa.string(),
        pa.timestamp("us", "UTC"),
    )
    return pa.table({n: pa.array(v, t) for (n, v), t in zip(rows.items(), types, strict=True)})


@pytest.mark.slow
@settings(settings.get_profile("on_spark"), max_examples=EXAMPLES)
@given(problem=problems())
def test_training_and_serving_see_the_same(spark, tmp_path_factory, problem):
    import pyarrow.parquet as pq

    rows, lines = problem
    path = tmp_path_factory.mktemp("parity") / "rows.parquet"
    pq.write_table(_with_id(rows), path)
    table = read_table(spark, str(path), str(path.parent)).coalesce(1).cache()
    training = table.where(f"id < {TRAINING}")
    selection = FeatureSelection(label="id", task="regression", excluded=frozenset({"id"}))
    try:
        plan = fit_plan([parse_op(line) for line in lines], training, selection)
    except UserError as error:
        assert "found no value" in str(error)
        return
    missing = set(OPS) - {op.name for op in plan.ops}
    assert missing == {"drop_rows", "drop"}
    plan = Plan.from_json(plan.to_json())
    trained = plan.transform(nw.from_native(table), keep=["id"]).to_native().toPandas()
    trained = trained.sort_values("id").drop(columns="id")
    served = plan.transform(nw.from_native(raw_frame(_as_sent(rows), plan.inputs))).to_native()
    table.unpersist()
    assert list(trained.columns) == served.columns
    for name in served.columns:
        here, there = served[name].to_numpy(), trained[name].to_numpy()
        assert here.dtype == there.dtype, name
        np.testing.assert_allclose(here, there, rtol=1e-6, err_msg=name)


def _with_id(rows):
    import pyarrow as pa

    return arrow(rows).append_column("id", pa.array(range(ALL), pa.int64()))


def _as_sent(rows):
    """The raw rows as a request carries them, under the names that the plan knows."""
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in rows.items()})
    return frame.rename(columns=lambda name: name.replace(".", "_").replace("`", "_"))
