import datetime as dt
import logging

import pytest

from tests.contract.conftest import INF, NAN, START, TRAINING, TYPES
from throughline.contract.contract import clauses
from throughline.contract.request_check import check_request
from throughline.contract.table_check import check_table, violations_of
from throughline.errors import UserError

EARLY = START - dt.timedelta(seconds=1)


def rows_with(column, value, rows=2):
    """Good rows of which the first has a value."""
    good = {name: [values[0]] * rows for name, values in TRAINING.items()}
    return {**good, column: [value, *good[column][1:]]}


BAD = {
    "above": ("x (m)", 11.01, "'x (m)' has 1 of 2 rows outside -1 to 11 (for example 11.01)"),
    "below": ("x (m)", -1.5, "outside -1 to 11 (for example -1.5)"),
    "whole": ("n", 1_000_000, "'n' has 1 of 2 rows outside -2.5 to 3.5 (for example 1e+06)"),
    "text": ("it's `odd`", "zz", "with none of the 3 values learnt (for example 'zz')"),
    "no text": ("it's `odd`", "", "(for example '')"),
    "long text": ("it's `odd`", "z" * 99, f"(for example '{'z' * 40}...')"),
    "line": ("it's `odd`", "a\n", "(for example 'a\\n')"),
    "early": ("at", EARLY, "before 2013-01-01 05:00:00 (for example 2013-01-01 04:59:59)"),
}
GOOD = {
    "in the margin": ("x (m)", 10.9),
    "on the margin": ("x (m)", -1.0),
    "missing": ("x (m)", None),
    "no number": ("x (m)", NAN),
    "infinite": ("x (m)", -INF),
    "known text": ("it's `odd`", "时间"),
    "missing text": ("it's `odd`", None),
    "much later": ("at", dt.datetime(2099, 1, 1, tzinfo=dt.UTC)),
    "false": ("yes", False),
}


@pytest.mark.parametrize(("column", "value", "words"), BAD.values(), ids=BAD)
def test_a_bad_value_is_found_by_both_engines(both, contract, column, value, words):
    rows = rows_with(column, value)
    (on_spark,) = check_table(contract, both.training(rows, TYPES))
    (on_polars,) = check_request(contract, both.serving(rows, TYPES))
    assert on_spark == on_polars
    assert on_spark.column == column
    assert words in on_spark.text and "\n" not in on_spark.text


@pytest.mark.parametrize(("column", "value"), GOOD.values(), ids=GOOD)
def test_a_good_value_is_let_pass_by_both_engines(both, contract, column, value):
    rows = rows_with(column, value, rows=20)  # one in twenty may be missing
    assert check_table(contract, both.training(rows, TYPES)) == []
    finite = value if value not in (INF, -INF) and value == value else None
    assert check_request(contract, both.serving(rows_with(column, finite, 20), TYPES)) == []


def test_a_table_may_have_a_few_bad_values(both, contract):
    table = both.training(rows_with("n", 99, rows=100), TYPES)
    assert check_table(contract, table) == []
    (found,) = check_table(contract.ruled("warn", 0.0), table)
    assert "1 of 100 rows" in found.text


def test_a_table_may_not_miss_much_more_than_the_training_rows(both, contract):
    rows = {name: [values[0]] * 10 for name, values in TRAINING.items()}
    three = {**rows, "n": [3] * 7 + [None] * 3}  # learnt: 20 %, and 10 % more may be
    assert check_table(contract, both.training(three, TYPES)) == []
    four = {**rows, "n": [3] * 6 + [None] * 4}
    (found,) = check_table(contract, both.training(four, TYPES))
    assert found.text == "the column 'n' misses 40.0% of its values, learnt with 20.0% missing"


def test_a_column_that_is_not_there_or_of_another_kind(both, contract):
    rows = {name: values[:1] for name, values in TRAINING.items() if name not in ("at", "n")}
    rows["x (m)"] = ["far"]
    found = check_table(contract, both.training(rows, {**TYPES, "x (m)": "string"}))
    assert {violation.text for violation in found} == {
        "the column 'x (m)' is of kind text, learnt as number",
        "the column 'n' is not there",
        "the column 'at' is not there",
    }


def test_a_column_of_a_type_that_no_plan_reads(both, contract):
    found = check_table(contract, both.training({**TRAINING, "n": [None] * 5}, {"n": "array<int>"}))
    assert [violation.text for violation in found] == [
        "the column 'n' is of kind array<int>, learnt as number"
    ]


def test_a_whole_number_is_as_good_as_a_decimal_one(both, contract):
    rows = {**{n: v[:2] for n, v in TRAINING.items()}, "x (m)": [1, 2], "n": [1.0, 2.5]}
    types = {**TYPES, "x (m)": "int", "n": "double"}
    assert check_table(contract, both.training(rows, types)) == []


def test_an_empty_table_keeps_it(both, contract):
    assert check_table(contract, both.training({name: [] for name in TYPES}, TYPES)) == []
    assert check_request(contract, both.serving({name: [] for name in TYPES}, TYPES)) == []


def test_what_is_done_is_as_the_recipe_says(both, contract, caplog):
    table = both.training(rows_with("n", 99), TYPES)
    with caplog.at_level(logging.WARNING):
        (found,) = violations_of(contract.ruled("warn", 0.01), table, "rest")
    assert found.text in caplog.text
    caplog.clear()
    assert violations_of(contract.ruled("ignore", 0.01), table, "rest") == []
    assert caplog.text == ""
    with pytest.raises(UserError) as raised:
        violations_of(contract.ruled("refuse", 0.01), table, "rest")
    assert str(raised.value) == (
        f"The rows do not keep the data contract: {found.text}; mend them, or rest."
    )


def test_the_first_violations_in_words(both, contract):
    rows = {"x (m)": [99.0], "n": [99], "it's `odd`": ["?"], "at": [EARLY], "yes": [True]}
    found = check_table(contract, both.training(rows, TYPES))
    assert len(found) == 4
    assert clauses(found).endswith(", and 1 more")
    assert clauses(found[:1]) == found[0].text
    assert contract.verdict([]) == "kept"
    assert contract.ruled("ignore", 0.0).verdict([]) == "ignored"
