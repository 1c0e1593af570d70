import logging

import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.derive_by_example import DeriveByExample, FittedDeriveByExample

MODELS = ["737-824", "A320-232", "EMB-145LR", "172N", None, ""]


def op(examples, source=("x",), name="y"):
    lines = [
        {"in": [text] if isinstance(text, str) else list(text), "out": out}
        for text, out in examples.items()
    ]
    return DeriveByExample.model_validate({"name": name, "from": source, "examples": lines})


def test_learns_from_pairs_and_applies_on_both_engines(both):
    fitted = both.fit(op({"737-824": "737", "172N": "172N"}), {"x": MODELS})
    found = both.apply(fitted, {"x": [*MODELS, "DC-9-82"]})
    assert found["y"] == ["737", "A320", "EMB", "172N", None, "", "DC"]
    assert found["x"] == [*MODELS, "DC-9-82"]
    assert fitted.describe() == {"y": "the first piece of 'x' split at '-'"}


def test_the_state_is_plain_json(both):
    moments = ["2013-01-01 05:00", "2013-12-25 23:15", "2013-02-30 00:00", "now", None]
    fitted = both.fit(op({"2013-01-01 05:00": "Tue 05"}), {"x": moments})
    again = FittedDeriveByExample.model_validate_json(fitted.model_dump_json())
    assert again == fitted
    assert both.apply(again, {"x": moments})["y"] == ["Tue 05", "Wed 23", None, None, None]


def test_several_columns_with_names_of_any_kind(both):
    columns = {"from `a.b": ["EWR", "JFK", None, "LGA"], "to 时'\"": ["IAH", "MIA", "ATL", None]}
    fitted = both.fit(op({("EWR", "IAH"): "EWR-iah"}, tuple(columns), "new `c.d"), columns)
    assert both.apply(fitted, columns)["new `c.d"] == ["EWR-iah", "JFK-mia", None, None]


def test_a_column_may_be_replaced_by_what_is_derived_from_it(both):
    fitted = both.fit(op({" ada ": "ADA", "bo b": "BO B"}, name="x"), {"x": [" ada ", "bo b"]})
    assert both.apply(fitted, {"x": ["c  "]}) == {"x": ["C"]}


def test_refuses_what_the_training_rows_make_ambiguous(both):
    with pytest.raises(UserError, match=r"can be read as \(.*\) or as \(.*\), which give"):
        both.fit(op({"737-824": "737"}), {"x": MODELS})


@pytest.mark.parametrize("rows", [[], [None, None]])
def test_learns_without_rows_to_look_at(both, rows):
    fitted = both.fit(op({"a-b": "b"}), {"x": rows}, x="string")
    assert both.apply(fitted, {"x": ["c-d", None]})["y"] == ["d", None]


def test_says_what_it_found_and_where_it_finds_nothing(both, caplog):
    with caplog.at_level(logging.INFO):
        both.fit(op({"a 1-b.2": "b.2", "c-d-e": "d"}), {"x": ["f", "g-h", "a 1-b.2", "c-d-e"]})
    assert "y is the second piece of 'x' split at '-'" in caplog.text
    assert "y is missing or empty for 25 % of the inputs looked at" in caplog.text


def test_reads_text_and_writes_text():
    line = op({"a-b": "b"})
    assert line.check({"x": "text"}) == {"x": "text", "y": "text"}
    with pytest.raises(UserError, match="cannot read the column 'x', which is of kind number"):
        line.check({"x": "number"})
    with pytest.raises(UserError, match="not in the table"):
        line.check({"z": "text"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"examples": []}, "at least 1"),
        ({"examples": [{"in": ["a", "b"], "out": "a"}]}, "one text for each of x"),
        (
            {"examples": [{"in": ["a"], "out": "a"}, {"in": ["a"], "out": "b"}]},
            "has two outputs",
        ),
        ({"examples": [{"in": ["a"], "out": ""}]}, "every output is empty"),
        ({"examples": [{"in": ["a" * 201], "out": "a"}]}, "at most 200"),
        ({"examples": [{"in": ["a"], "out": "a" * 101}]}, "at most 100"),
        ({"examples": [{"in": [7], "out": "7"}]}, "valid string"),
        ({"examples": [{"in": ["a"], "output": "a", "ot": "b"}]}, "did you mean 'out'"),
        ({"from": ["x", "x"], "examples": [{"in": ["a", "b"], "out": "a"}]}, "stands twice"),
    ],
)
def test_a_line_that_makes_no_sense_is_refused(line, message):
    with pytest.raises(ValidationError, match=message):
        DeriveByExample.model_validate({"name": "y", "from": ["x"], **line})
