import datetime as dt
import json
import math

import narwhals as nw
import numpy as np
import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.fitting import fit_plan
from throughline.features.plan import Plan
from throughline.features.registry import FITTED_OPS, OPS, parse_op
from throughline.features.selection import FeatureSelection

ROWS = {
    "x": [1.0, 2.0, None, 4.0],
    "n": [1, 2, 3, 3],
    "c": ["a", "b", "a", None],
    "unused": [1.0, 1.0, 1.0, 1.0],
    "t": [dt.datetime(2013, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3, 4)],
    "y": ["0", "1", "0", None],
}
OPS_OF_ALL_KINDS = [
    {"drop_rows": {"missing": ["y"]}},
    {"fill": {"columns": ["c"], "value": "?"}},
    {"flag": {"name": "big", "when": "x > 1"}},
    {"impute": {"columns": ["x"], "strategy": "mean", "flag": True}},
    {"date_parts": {"column": "t", "parts": ["day", "day_of_week"]}},
    {"aggregate": {"by": ["c"], "of": "n", "functions": ["mean", "count"]}},
    {"impute_by_cluster": {"columns": ["n"], "using": ["x"], "clusters": 2}},
    {"impute_by_group": {"columns": ["x"], "by": ["c"]}},
    {"target_mean": {"columns": ["c"]}},
    {"derive_by_example": {"name": "e", "from": ["c"], "examples": [{"in": ["ab"], "out": "AB"}]}},
    {"frequency": {"columns": ["c"]}},
    {"interact": {"columns": ["c", "c"], "name": "cc"}},
    {"interact": {"columns": ["c", "c"], "name": "dd"}},
    {"rename": {"columns": {"dd": "d"}}},
    {"hash": {"columns": ["cc"], "buckets": 5}},
    {"ordinal": {"columns": ["d"], "by": "frequency"}},
    {"expression": {"name": "twice", "value": "n * 2"}},
    {"drop": {"columns": ["twice"]}},
    {"clip": {"columns": ["n"], "low": 0}},
    {"bin": {"column": "n", "width": 2}},
    {"embed": {"column": "c", "size": 2, "min_count": 1}},
    {"one_hot": {"columns": ["c"]}},
    {"scale": {"columns": ["x", "n"], "with": "min_max"}},
]


def selection(*features: str) -> FeatureSelection:
    return FeatureSelection(
        label="y",
        task="classification",
        classes=("0", "1"),
        features=features or None,
        excluded=frozenset({"y"}),
    )


@pytest.fixture(scope="module")
def plan(both) -> Plan:
    labelled = {name: values[:3] for name, values in ROWS.items()}
    ops = [parse_op(op) for op in OPS_OF_ALL_KINDS]
    return fit_plan(ops, both.training(labelled), selection(), optional=("x", "c"))


def test_every_op_is_in_the_plan_that_the_other_tests_use():
    assert {name for op in OPS_OF_ALL_KINDS for name in op} == set(OPS)
    assert set(OPS) - set(FITTED_OPS) == {"drop_rows"}


def test_ops_learn_from_the_rows_that_the_ops_before_left(plan):
    by_name = {op.name: op for op in plan.ops}
    assert by_name["impute"].values == {"x": 1.5}
    assert by_name["scale"].centre == {"x": 1.0, "n": 1.0}
    assert by_name["scale"].spread == {"x": 1.0, "n": 2.0}
    assert by_name["one_hot"].known == {"c": ["a", "b"]}


def test_a_plan_survives_its_json_and_gives_the_same_on_both_engines(both, plan):
    read = Plan.from_json(plan.to_json())
    assert read.to_json() == plan.to_json()
    assert json.loads(plan.to_json())["format"] == 1
    rows = {**ROWS, "c": ["a", "never seen", None, "b"]}
    keep = ["__row"]
    before = both.apply(lambda frame: plan.transform(frame, keep=keep), rows)
    assert both.apply(lambda frame: read.transform(frame, keep=keep), rows) == before
    assert list(before) == [feature.name for feature in plan.layout.features]
    assert before["c"] == [0.0, 2.0, 2.0, 1.0]
    assert before["x_missing"] == [0.0, 0.0, 1.0, 0.0]


def test_a_plan_is_the_same_after_it_was_used(both, plan):
    fresh = Plan.from_json(plan.to_json())
    used = Plan.from_json(plan.to_json())
    for read in (fresh, used):
        read.transform(nw.from_native(both.serving(ROWS)))
    assert [one == other for one, other in zip(fresh.ops, used.ops, strict=True)] == [True] * len(
        used.ops
    )
    assert fresh == used


def test_types_and_order_are_the_layouts(both, plan):
    on_spark = plan.transform(nw.from_native(both.training(ROWS))).to_native()
    kinds = {"numeric": "float", "category": "int"}
    wanted = [(f.name, kinds[f.kind]) for f in plan.layout.features]
    assert on_spark.dtypes == wanted
    on_polars = plan.transform(nw.from_native(both.serving(ROWS))).to_native()
    assert on_polars.columns == [name for name, _ in wanted]
    assert {str(kind) for kind in on_polars.dtypes} == {"Float32", "Int32"}


def test_many_rows_keep_their_order_on_polars(both, plan):
    count = 1000
    rows = {name: (values * count)[:count] for name, values in ROWS.items()}
    rows["n"] = list(range(count))
    found = plan.transform(nw.from_native(both.serving(rows))).to_native()
    assert found["n"].to_list() == pytest.approx([(n - 1) / 2 for n in range(count)])


def test_only_what_leads_to_the_features_stays(both):
    ops = [parse_op(op) for op in OPS_OF_ALL_KINDS]
    plan = fit_plan(ops, both.training(ROWS), selection("n_mean_by_c", "t_day"))
    assert [op.name for op in plan.ops] == ["fill", "date_parts", "aggregate"]
    assert {column.name for column in plan.inputs} == {"c", "t"}
    serving = {name: ROWS[name] for name in ("n", "c", "t")}
    found = plan.transform(nw.from_native(both.serving(serving))).to_native()
    assert found.columns == ["n_mean_by_c", "t_day"]


def test_inputs_say_their_type_and_whether_they_may_be_missing(plan):
    found = {column.name: (column.type, column.optional) for column in plan.inputs}
    assert found == {
        "x": ("double", True),
        "n": ("long", False),
        "c": ("string", True),
        "t": ("timestamp", False),
        "unused": ("double", False),
    }


def test_a_plan_of_another_format_is_refused(plan):
    text = plan.to_json().replace('"format": 1', '"format": 2')
    with pytest.raises(ValidationError, match="format"):
        Plan.from_json(text)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (("xx",), "The feature 'xx' does not come out of the ops: did you mean 'x'"),
        (("y",), "the label and the key cannot be features"),
        (("t",), "it is of kind time; encode it first"),
    ],
)
def test_refuses_features_that_do_not_come_out(both, features, message):
    with pytest.raises(UserError, match=message):
        fit_plan([], both.training(ROWS), selection(*features))


def test_refuses_a_table_without_any_feature(both):
    with pytest.raises(UserError, match="No feature is left"):
        fit_plan([], both.training({"c": ["a"], "y": ["0"]}), selection())


def test_ops_are_checked_in_order_before_anything_is_fitted(both):
    ops = [{"one_hot": {"columns": ["c"]}}, {"fill": {"columns": ["c"], "value": "?"}}]
    with pytest.raises(UserError, match="fill cannot read the column 'c'.*of kind category"):
        fit_plan([parse_op(op) for op in ops], both.training(ROWS), selection())


@pytest.mark.parametrize("line", [{}, [], "scale", {"scale": {}, "fill": {}}, None])
def test_refuses_what_is_not_one_op(line):
    with pytest.raises(ValueError, match="write one op per line"):
        parse_op(line)


def test_refuses_an_unknown_op_with_the_nearest():
    with pytest.raises(ValueError, match="unknown op 'imput'; did you mean 'impute'"):
        parse_op({"imput": {"columns": ["x"]}})


@pytest.mark.parametrize("value", [1e39, -1e300])
def test_what_float32_cannot_hold_is_missing(both, value):
    from throughline.features.plan import finite

    def narrow(frame):
        return finite(frame.with_columns(nw.col("x").cast(nw.Float32)))

    assert both.apply(narrow, {"x": [value, 2.0, None]}) == {"x": [None, 2.0, None]}


def test_arrays_are_what_the_frame_holds():
    import polars as pl

    from throughline.features.fill import FittedFill
    from throughline.features.layout import Feature, Layout
    from throughline.features.one_hot import FittedOneHot

    features = (Feature(name="x", kind="numeric"), Feature(name="c", kind="category"))
    plan = Plan(
        inputs=(),
        ops=(FittedFill(columns=("c",), value="b"), FittedOneHot(known={"c": ["a", "b"]})),
        layout=Layout(features=features, label="y", task="regression"),
    )
    rows = pl.DataFrame({"x": [1e39, 2.0, None, math.nan], "c": ["a", None, "z", "b"]})
    found = plan.arrays_of(rows)
    wanted = plan.transform(nw.from_native(rows)).to_native()
    assert list(found) == wanted.columns == ["x", "c"]
    for name, values in found.items():
        np.testing.assert_array_equal(values, wanted[name].to_numpy())
    assert found["c"].tolist() == [0, 1, 2, 1] and np.isnan(found["x"][[0, 2, 3]]).all()
