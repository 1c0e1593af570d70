import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.rename import FittedRename, Rename

ODD = '时间 d\'é "x"'


def test_new_names(both):
    rows = {"a": [1.0, None], ODD: ["x", None], "c": [1, 2]}
    fitted = both.fit(Rename(columns={"a": "A b", ODD: "plain"}), rows)
    read = FittedRename.model_validate_json(fitted.model_dump_json())
    assert both.apply(read, rows) == {"A b": [1.0, None], "plain": ["x", None], "c": [1.0, 2.0]}


def test_two_columns_swap_their_names(both):
    op = Rename(columns={"a": "b", "b": "a"})
    assert op.check({"a": "number", "b": "text"}) == {"b": "number", "a": "text"}
    fitted = both.fit(op, {"a": [1.0], "b": ["x"]})
    assert both.apply(fitted, {"a": [1.0], "b": ["x"]}) == {"b": [1.0], "a": ["x"]}


def test_a_chain_of_names(both):
    op = Rename(columns={"a": "b", "b": "c"})
    assert op.check({"a": "number", "b": "text"}) == {"b": "number", "c": "text"}
    fitted = both.fit(op, {"a": [1.0], "b": ["x"]})
    assert both.apply(fitted, {"a": [1.0], "b": ["x"]}) == {"b": [1.0], "c": ["x"]}


def test_the_old_name_is_gone_and_known_as_the_source():
    op = Rename(columns={"a": "z"})
    assert op.check({"a": "time", "b": "text"}) == {"b": "text", "z": "time"}
    assert op.sources_of("z") == ["a"]
    assert op.fit(None, None).describe() == {"z": "was a"}


def test_refuses_a_name_that_another_column_has():
    with pytest.raises(UserError, match="cannot call the column 'a' 'b': there is a column of"):
        Rename(columns={"a": "b"}).check({"a": "number", "b": "text"})
    with pytest.raises(UserError, match="rename reads the column 'c', which is not"):
        Rename(columns={"c": "d"}).check({"a": "number"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": "c", "b": "c"}, "the name 'c' to more than one column"),
        ({"a": "a"}, "the column 'a' the name that it has"),
        ({}, "at least 1 item"),
    ],
)
def test_refuses_impossible_names(columns, message):
    with pytest.raises(ValidationError, match=message):
        Rename(columns=columns)
