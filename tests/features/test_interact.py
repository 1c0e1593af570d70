import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.fitting import fit_ops
from throughline.features.interact import FittedInteract, Interact
from throughline.features.one_hot import OneHot

ODD = '时间 d\'é "x"'


def test_the_product_of_numbers(both):
    rows = {"a": [2.0, None, 1e200], ODD: [3, 1, 2], "c": [0.5, 0.5, 1e200]}
    fitted = both.fit(Interact(columns=("a", ODD, "c")), rows)
    read = FittedInteract.model_validate_json(fitted.model_dump_json())
    assert both.apply(read, rows)[f"a_x_{ODD}_x_c"] == [3.0, None, None]


def test_the_crossing_of_categories(both):
    rows = {"t": ["a", None, "é", ""], "b": [True, True, False, None]}
    fitted = both.fit(Interact(columns=("t", "b"), output="both"), rows)
    assert both.apply(fitted, rows)["both"] == ["a & true", None, "é & false", None]
    assert fitted.describe() == {"both": "t & b"}


def test_codes_of_an_encoding_are_crossed_not_multiplied(both):
    rows = both.training({"c": ["a", "a", "b"], "d": ["x", "y", "y"]})
    ops = [OneHot(columns=("c", "d")), Interact(columns=("c", "d")), OneHot(columns=("c_x_d",))]
    assert fit_ops(ops, rows)[2].known == {"c_x_d": ["0 & 0", "0 & 1", "1 & 0"]}


def test_all_missing(both):
    fitted = both.fit(Interact(columns=("a", "b")), {"a": [None], "b": [1.0]})
    assert both.apply(fitted, {"a": [None], "b": [1.0]})["a_x_b"] == [None]


def test_its_kind_and_its_sources():
    op = Interact.model_validate({"columns": ["a", "b"], "name": "ab"})
    assert op.check({"a": "number", "b": "number"})["ab"] == "number"
    assert op.check({"a": "text", "b": "category"})["ab"] == "text"
    assert op.check({"a": "boolean", "b": "text"})["ab"] == "text"
    assert op.sources_of("ab") == ["a", "b"]


def test_refuses_mixed_kinds_and_a_single_column():
    with pytest.raises(UserError, match="only numbers, or none: 'a' is of kind number, 'b' is of"):
        Interact(columns=("a", "b")).check({"a": "number", "b": "text"})
    with pytest.raises(UserError, match="interact cannot read the column 'b'.*of kind time"):
        Interact(columns=("a", "b")).check({"a": "text", "b": "time"})
    with pytest.raises(ValidationError, match="at least 2 items"):
        Interact(columns=("a",))
