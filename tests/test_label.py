import datetime as dt

import pytest

from throughline.errors import UserError
from throughline.label import add_label, classes_of, encode_label
from throughline.recipe.label import Label

ROWS = {
    "delay": [31.0, 30.0, None, 90.0],
    "kind": ["b", "a", "b", None],
    "odd 'name', é": [1, 0, 1, 1],
}


def condition(**changes):
    return Label(**{"name": "late", "source": "delay > 30", "task": "classification", **changes})


def values(table, name):
    return [row[name] for row in table.collect()]


def test_a_condition_is_text_0_and_1_then_a_code_and_missing_stays_missing(both):
    table = add_label(both.training(ROWS), condition())
    assert values(table, "late") == ["1", "0", None, "1"]
    assert classes_of(table, condition()) == ("0", "1")
    encoded = encode_label(table, condition(), ("0", "1"))
    assert values(encoded, "late") == [1, 0, None, 1]
    assert dict(encoded.dtypes)["late"] == "int"


def test_a_column_of_text_and_a_class_that_training_never_saw(both):
    label = Label(name="kind", task="classification")
    table = add_label(both.training(ROWS), label)
    assert classes_of(table, label) == ("a", "b")
    assert values(encode_label(table, label, ("a", "c")), "kind") == [None, 0, None, None]


def test_a_value_to_predict_is_double(both):
    label = Label(name="hours", source="delay / 60", task="regression")
    table = add_label(both.training(ROWS), label)
    assert dict(table.dtypes)["hours"] == "double"
    assert values(table, "hours") == [31 / 60, 0.5, None, 1.5]
    assert classes_of(table, label) is None
    assert encode_label(table, label, None) is table


def test_an_odd_name(both):
    label = Label(name="odd 'name', é", task="classification")
    table = add_label(both.training(ROWS), label)
    assert values(encode_label(table, label, classes_of(table, label)), label.name) == [1, 0, 1, 1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"delay": [1.0, 2.0]}, "only the class '0' in the training rows"),
        ({"delay": [None, None]}, "has no value in the training rows"),
    ],
)
def test_refuses_fewer_than_two_classes(both, rows, message):
    with pytest.raises(UserError, match=message):
        classes_of(add_label(both.training(rows), condition()), condition())


def test_refuses_a_number_that_hardly_repeats(both):
    label = Label(name="delay", task="classification")
    table = add_label(both.training({"delay": [float(n) for n in range(1200)]}), label)
    with pytest.raises(UserError, match="more than 1000 classes; make its task 'regression'"):
        classes_of(table, label)


def test_refuses_what_is_not_there_and_kinds_that_do_not_go_together(both):
    with pytest.raises(UserError, match="reads the column 'dely'.*did you mean 'delay'"):
        add_label(both.training(ROWS), condition(source="dely > 30"))
    with pytest.raises(UserError, match="is of kind number, where only a text"):
        add_label(both.training(ROWS), condition(source="kind > 30"))


@pytest.mark.parametrize(("name", "kind"), [("kind", "text"), ("at", "time")])
def test_refuses_to_predict_the_value_of_what_is_no_number(both, name, kind):
    rows = both.training({**ROWS, "at": [dt.datetime(2024, 1, day) for day in (1, 2, 3, 4)]})
    with pytest.raises(UserError, match=f"The label '{name}' is of kind {kind}, .* numbers"):
        add_label(rows, Label(name=name, task="regression"))


def test_a_truth_to_predict_the_value_of_is_0_or_1(both):
    label = Label(name="late", source="delay > 30", task="regression")
    assert values(add_label(both.training(ROWS), label), "late") == [1.0, 0.0, None, 1.0]
