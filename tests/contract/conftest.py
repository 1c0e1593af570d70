"""A small training table with names and values of all kinds, and its contract."""

import datetime as dt

import pytest

from throughline.contract.learning import learn_contract
from throughline.features.plan import Input

NAN, INF = float("nan"), float("inf")
START = dt.datetime(2013, 1, 1, 5, tzinfo=dt.UTC)
TRAINING = {
    "x (m)": [0.0, 10.0, None, NAN, 5.0],
    "n": [3, -2, 3, 3, None],
    "it's `odd`": ["a", "b", None, "时间", "a"],
    "at": [START + dt.timedelta(hours=h) for h in range(5)],
    "yes": [True, False, True, None, True],
}
TYPES = {
    "x (m)": "double",
    "n": "long",
    "it's `odd`": "string",
    "at": "timestamp",
    "yes": "boolean",
}
INPUTS = [Input(name=n, type=t, optional=n != "at") for n, t in TYPES.items()]  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def contract(both):
    return learn_contract(both.training(TRAINING, TYPES), INPUTS)


@pytest.fixture(scope="session")
def named(contract):
    """The contract's columns by name."""
    return {column.name: column for column in contract.columns}
