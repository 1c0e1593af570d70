import datetime as dt

import pytest

from tests.contract.conftest import INPUTS, START, TRAINING, TYPES
from throughline.contract.contract import MOST_CATEGORIES, Contract
from throughline.contract.learning import learn_contract
from throughline.contract.table_check import check_table
from throughline.features.plan import Input


def test_what_is_learnt(contract, named):
    assert contract.rows == 5
    assert {name: column.type for name, column in named.items()} == TYPES
    assert (named["x (m)"].low, named["x (m)"].high) == (0.0, 10.0)
    assert (named["n"].low, named["n"].high) == (-2.0, 3.0)
    assert (named["at"].low, named["at"].high) == (START, START + dt.timedelta(hours=4))
    assert set(named["it's `odd`"].categories) == {"a", "b", "时间"}
    assert named["yes"].low is None and named["yes"].categories is None
    missing = {name: column.missing for name, column in named.items()}
    assert missing == {"x (m)": 0.4, "n": 0.2, "it's `odd`": 0.2, "at": 0.0, "yes": 0.2}
    assert not named["at"].optional and named["n"].optional


def test_numbers_have_a_margin_and_moments_no_end(named):
    assert named["x (m)"].limits == (-1.0, 11.0)
    assert named["at"].limits == (START, None)
    assert named["it's `odd`"].limits == (None, None)


@pytest.mark.parametrize(("distinct", "listed"), [(100, True), (101, False), (400, False)])
def test_many_values_are_no_categories(both, distinct, listed):
    rows = both.training({"c": [f"value {i}" for i in range(distinct)]})
    learnt = learn_contract(rows, [Input(name="c", type="string")])
    found = learnt.columns[0].categories
    assert (found is not None) is listed
    assert not listed or len(found) == distinct == MOST_CATEGORIES


@pytest.mark.parametrize("rows", [0, 3])
def test_a_column_without_a_value_has_no_limits(both, rows):
    table = both.training({name: [None] * rows for name in TYPES}, TYPES)
    learnt = learn_contract(table, INPUTS)
    for column in learnt.columns:
        assert (column.low, column.high, column.categories) == (None, None, None)
        assert column.missing == (1.0 if rows else 0.0)
    assert check_table(learnt, table) == []


def test_a_contract_survives_its_own_json(contract):
    ruled = contract.ruled("refuse", 0.2)
    assert Contract.from_json(ruled.to_json()) == ruled
    assert (ruled.on_violation, ruled.tolerance) == ("refuse", 0.2)
    assert "时间" in contract.to_json()


def test_a_prepared_table_has_the_contract_of_its_training_rows(prepared, spark):
    found = prepared.contract
    assert [column.name for column in found.columns] == [c.name for c in prepared.plan.inputs]
    training = spark.read.parquet(prepared.output.path("raw/__split=train"))
    assert found.rows == training.count()
    assert check_table(found, training) == []
    assert (found.on_violation, found.tolerance) == ("warn", 0.01)


def test_the_training_rows_keep_what_was_learnt_on_them(both, contract):
    assert check_table(contract, both.training(TRAINING, TYPES)) == []
