import logging

import pytest

from tests.contract.conftest import TRAINING, TYPES
from throughline.contract.contract import Violation
from throughline.contract.request_check import Warnings, check_request


def test_one_row_says_so(both, contract):
    row = {name: values[:1] for name, values in TRAINING.items()} | {"n": [99]}
    (found,) = check_request(contract, both.serving(row, TYPES))
    assert found.text == "the column 'n' has a row outside -2.5 to 3.5 (for example 99)"


@pytest.mark.parametrize("rows", [2, 5000])
def test_any_bad_value_counts_however_many_rows(both, contract, rows):
    good = {name: [values[0]] * rows for name, values in TRAINING.items()}
    assert check_request(contract, both.serving(good, TYPES)) == []
    odd = {**good, "it's `odd`": ["a"] * (rows - 1) + ["new"]}
    (found,) = check_request(contract, both.serving(odd, TYPES))
    assert f"has 1 of {rows:,} rows" in found.text and "'new'" in found.text


def test_missing_values_keep_it(both, contract):
    assert check_request(contract, both.serving({n: [None] * 3 for n in TYPES}, TYPES)) == []


def test_a_column_is_logged_once_a_minute(caplog):
    seconds = [0.0]
    warnings = Warnings(lambda: seconds[0])
    x, y = Violation("x", "x is odd"), Violation("y", "y is odd")

    def logged(at, *violations):
        caplog.clear()
        seconds[0] = at
        with caplog.at_level(logging.WARNING):
            warnings.log(violations)
        return [record.args[0] for record in caplog.records]

    assert logged(0.0, x) == ["x is odd"]
    assert logged(1.0, x, y) == ["y is odd"]
    assert logged(59.9, x, y) == []
    assert logged(60.0, x, y) == ["x is odd"]
