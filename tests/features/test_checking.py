import pytest

from throughline.errors import UserError
from throughline.features.checking import check_ops, check_order
from throughline.features.registry import parse_op


def ops(*lines):
    return [parse_op(line) for line in lines]


DROP = {"drop": {"columns": ["x"]}}
SCALE = {"scale": {"columns": ["x"]}}
ONE_HOT = {"one_hot": {"columns": ["x"]}}
RENAME = {"rename": {"columns": {"x": "z"}}}
MAKE = {"expression": {"name": "x", "value": "a + b"}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([DROP, ONE_HOT], "op 2, one_hot, reads 'x', which op 1, drop, took away"),
        ([DROP, DROP], "op 2, drop, reads 'x', which op 1, drop, took away"),
        ([RENAME, SCALE], "op 2, scale, reads 'x', which op 1, rename, took away"),
        ([ONE_HOT, SCALE], "op 2, scale, reads 'x', which is of kind category by then"),
        ([ONE_HOT, MAKE, DROP, SCALE], "op 4, scale, reads 'x', which op 3, drop, took away"),
        (
            [ONE_HOT, RENAME, {"scale": {"columns": ["z"]}}],
            "op 3, scale, reads 'z', which is of kind category by then",
        ),
        (
            [{"bin": {"column": "x", "width": 2}}, {"impute": {"columns": ["x_bin"]}}],
            "op 2, impute, reads 'x_bin', which is of kind category by then",
        ),
    ],
)
def test_refuses_an_order_that_cannot_work(lines, message):
    with pytest.raises(ValueError, match=message):
        check_order(ops(*lines))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [SCALE, ONE_HOT, DROP],
        [DROP, MAKE, SCALE],
        [ONE_HOT, MAKE, SCALE],
        [ONE_HOT, DROP, {"rename": {"columns": {"a": "x"}}}, SCALE],
        [RENAME, {"rename": {"columns": {"z": "x"}}}, SCALE],
        [{"rename": {"columns": {"x": "y", "y": "x"}}}, SCALE],
        [ONE_HOT, {"frequency": {"columns": ["x"]}}, {"interact": {"columns": ["x", "c"]}}],
        [{"interact": {"columns": ["a", "b"]}}, {"scale": {"columns": ["a_x_b"]}}],
        [{"fill": {"columns": ["x"], "value": "?"}}, ONE_HOT],
    ],
)
def test_lets_pass_what_can_work(lines):
    check_order(ops(*lines))


SCHEMA = {"x": "number", "a": "number", "b": "number", "y": "number"}


def test_the_columns_after_the_last_op():
    found = check_ops(ops(SCALE, ONE_HOT, {"drop": {"columns": ["a"]}}, RENAME), SCHEMA, "y")
    assert found == {"b": "number", "y": "number", "z": "category"}


@pytest.mark.parametrize(
    "line",
    [
        {"drop": {"columns": ["y"]}},
        {"rename": {"columns": {"y": "z"}}},
        {"rename": {"columns": {"a": "y"}}},
        {"expression": {"name": "q", "value": "y * 2"}},
        {"frequency": {"columns": ["y"]}},
        {"bin": {"column": "x", "width": 2, "name": "y"}},
    ],
)
def test_ops_leave_the_label_alone(line):
    with pytest.raises(UserError, match="touches the label 'y', which no request carries"):
        check_ops(ops(line), SCHEMA, "y")


def test_rows_may_be_dropped_by_their_label():
    assert check_ops(ops({"drop_rows": {"missing": ["y"]}}), SCHEMA, "y") == SCHEMA


def test_drop_rows_sees_the_classes_by_their_names():
    check_ops(ops({"drop_rows": {"where": "y == 'b'"}}), {**SCHEMA, "y": "text"}, "y")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"flag": {"name": "bad.weather", "when": "x > 1"}}, "a dot or a backtick"),
        ({"fill": {"columns": ["a", "a"], "value": 0}}, "'a' stands twice; name it once"),
        ({"aggregate": {"by": ["c", "c"], "of": "x", "functions": ["mean"]}}, "'c' stands twice"),
    ],
)
def test_names_that_an_engine_would_stumble_over(line, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_order([parse_op(line)])
