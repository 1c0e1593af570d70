import pytest

from throughline.errors import UserError
from throughline.features.frequency import FittedFrequency, Frequency

ODD = '时间 d\'é "x"'


def test_the_share_of_the_training_rows(both):
    rows = {ODD: ["a", "b", "a", None]}
    fitted = both.fit(Frequency(columns=(ODD,)), rows)
    found = both.apply(fitted, {ODD: ["b", "never seen", None, "a", ""]})
    assert found[f"{ODD}_frequency"] == [0.25, 0.0, 0.0, 0.5, 0.0]
    assert found[ODD] == ["b", "never seen", None, "a", ""]


def test_counts_of_every_kind_of_value_through_json(both):
    columns = {
        "t": ["a", "a", "1", None],
        "n": [2**53 + 1, 2**53 + 1, 2**53, None],
        "x": [-0.0, 0.0, 1e10, None],
        "b": [True, True, False, None],
    }
    fitted = both.fit(Frequency(columns=tuple(columns), normalize=False), columns)
    read = FittedFrequency.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, columns)
    assert {name: found[f"{name}_frequency"] for name in columns} == dict.fromkeys(
        columns, [2.0, 2.0, 1.0, 0.0]
    )


def test_minus_zero_at_serving_is_zero(both):
    fitted = both.fit(Frequency(columns=("x",), normalize=False), {"x": [0.0, 1.0]})
    assert both.apply(fitted, {"x": [-0.0, 0.0]})["x_frequency"] == [1.0, 1.0]


def test_a_column_without_any_value_and_a_constant_one(both):
    fitted = both.fit(
        Frequency(columns=("e", "k")), {"e": [None, None], "k": ["a", "a"]}, e="string"
    )
    found = both.apply(fitted, {"e": ["a", None], "k": ["a", None]})
    assert found["e_frequency"] == [0.0, 0.0]
    assert found["k_frequency"] == [1.0, 0.0]
    assert fitted.describe() == {
        "e": "no value in the training rows",
        "k": "1 values; the most common is a: 1",
    }


def test_no_training_row_at_all(both):
    fitted = both.fit(Frequency(columns=("c",)), {"c": []}, c="string")
    assert both.apply(fitted, {"c": ["a"]})["c_frequency"] == [0.0]


def test_many_keys_keep_the_order_of_the_rows(both):
    values = [f"k{i % 700}" for i in range(1000)]
    fitted = both.fit(Frequency(columns=("c",), normalize=False), {"c": values})
    found = both.apply(fitted, {"c": values})["c_frequency"]
    assert found == [2.0 if i % 700 < 300 else 1.0 for i in range(1000)]


def test_sources_and_refusals():
    op = Frequency(columns=("a", "b"))
    assert op.sources_of("b_frequency") == ["b"]
    with pytest.raises(UserError, match="frequency cannot read the column 'b'.*of kind time"):
        op.check({"a": "text", "b": "time"})
    with pytest.raises(UserError, match="'b', which is not in the table"):
        op.check({"a": "text"})
