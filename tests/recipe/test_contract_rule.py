import jsonschema
import pytest

from tests.recipe.small import TEXT, refused
from throughline.recipe.file import parse_recipe
from throughline.recipe.schema import json_schema


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("", ("warn", 0.01)),
        ("contract: refuse", ("refuse", 0.01)),
        ("contract: {on_violation: ignore, tolerance: 0}", ("ignore", 0.0)),
        ("contract: {tolerance: 0.2}", ("warn", 0.2)),
    ],
)
def test_a_contract_is_a_word_or_more(written, rule):
    contract = parse_recipe(f"{TEXT}{written}\n").contract
    assert (contract.on_violation, contract.tolerance) == rule


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("warm", "input should be 'warn', 'refuse' or 'ignore', not 'warm'"),
        ("{on_violaton: warn}", "unknown key 'on_violaton'; did you mean 'on_violation'?"),
        ("{tolerance: 1}", "at contract.tolerance: input should be less than 1"),
    ],
)
def test_refuses_what_is_no_contract(written, message):
    assert message in refused(f"{TEXT}contract: {written}\n")


def test_the_schema_takes_a_contract_in_a_word():
    rule = json_schema()["$defs"]["ContractRule"]
    validator = jsonschema.Draft202012Validator(rule)
    for good in ("refuse", {"on_violation": "warn", "tolerance": 0.1}, {}):
        assert validator.is_valid(good)
    for bad in ("warm", {"on_violation": "warm"}, {"tolerance": 1}, {"tolerence": 0.1}):
        assert not validator.is_valid(bad)
