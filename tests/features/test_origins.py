from throughline.features.origins import origins_of
from throughline.features.registry import parse_op

SCHEMA = {"a": "number", "b": "number", "c": "text", "t": "time"}


def origins(*lines):
    found = origins_of([parse_op(line) for line in lines], SCHEMA)
    return {name: (origin.columns, origin.ops) for name, origin in found.items()}


def test_a_column_that_no_op_touches_is_its_own_origin():
    assert origins() == {name: ((name,), ()) for name in SCHEMA}


def test_ops_in_the_order_in_which_a_column_went_through_them():
    found = origins(
        {"impute": {"columns": ["a"], "flag": True}}, {"scale": {"columns": ["a", "b"]}}
    )
    assert found["a"] == (("a",), ("impute", "scale"))
    assert found["a_missing"] == (("a",), ("impute",))
    assert found["b"] == (("b",), ("scale",))


def test_what_is_made_of_several_columns_comes_from_all_of_them():
    found = origins(
        {"impute": {"columns": ["a"]}},
        {"expression": {"name": "sum", "value": "a + b"}},
        {"flag": {"name": "f", "when": "sum > 1 and c == 'x'"}},
    )
    assert found["sum"] == (("a", "b"), ("impute", "expression"))
    assert found["f"] == (("a", "b", "c"), ("impute", "expression", "flag"))


def test_a_rename_and_an_encoding_follow_their_own_column():
    found = origins(
        {"rename": {"columns": {"c": "d", "b": "e"}}},
        {"frequency": {"columns": ["d"]}},
        {"one_hot": {"columns": ["d"]}},
        {"bin": {"column": "e", "width": 2}},
    )
    assert found["d"] == (("c",), ("rename", "one_hot"))
    assert found["d_frequency"] == (("c",), ("rename", "frequency"))
    assert found["e_bin"] == (("b",), ("rename", "bin"))


def test_a_column_made_anew_forgets_what_it_was():
    found = origins(
        {"scale": {"columns": ["a"]}},
        {"drop": {"columns": ["a"]}},
        {"expression": {"name": "a", "value": "b * 2"}},
    )
    assert found["a"] == (("b",), ("expression",))
