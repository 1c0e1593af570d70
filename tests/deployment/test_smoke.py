"""The comparison of an endpoint's answer with the model's."""

import pandas as pd
import pytest

from throughline.deployment.smoke import as_request, same


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ([{"p": 0.5}], [{"p": 0.5 + 9e-7}], True),
        ([{"p": 0.5}], [{"p": 0.5 + 3e-6}], False),
        ([{"p": float("nan")}], [{"p": float("nan")}], True),
        ([{"p": 0.5}], [{"p": None}], False),
        ([{"p": 0.5}], [{"q": 0.5}], False),
        ([1, 2], [1], False),
        (["late"], ["late"], True),
        (["late"], ["early"], False),
    ],
)
def test_same(one, other, equal):
    assert same(one, other) is equal


def test_a_missing_value_becomes_null():
    example = pd.DataFrame({"wind": [1.5, None]})
    assert as_request(example)["dataframe_split"]["data"] == [[1.5], [None]]
