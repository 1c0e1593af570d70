"""The comparison of an endpoint's answer with the model's."""

import pandas as pd
import pytest

from tests.deployment.saved_model import save_model
from throughline.deployment.smoke import as_request, same, smoke_check
from throughline.errors import UserError


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


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"shift": 0.0, "dies": True}, "no module named 'a_library_that_is_not_here'"),
        ({"shift": "far"}, "ufunc 'add' did not contain a loop"),
    ],
)
def test_a_model_that_does_not_load_or_predict_here_is_a_sentence(tmp_path, config, reason):
    save_model(tmp_path / "model", "", config)
    with pytest.raises(UserError) as told:
        smoke_check(str(tmp_path / "model"), "models:/late/3")
    sentence = str(told.value)
    assert sentence.startswith("models:/late/3 does not answer its own input example in this ")
    assert reason in sentence
    assert "\n" not in sentence


def test_what_is_a_sentence_already_is_told_as_it_is(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise UserError("a sentence")

    monkeypatch.setattr("mlflow.pyfunc.load_model", refuse)
    with pytest.raises(UserError, match="^a sentence$"):
        smoke_check(str(tmp_path))
