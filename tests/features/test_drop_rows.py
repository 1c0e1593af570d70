import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.drop_rows import DropRows
from throughline.features.fitting import fit_plan
from throughline.features.frequency import Frequency
from throughline.features.registry import FITTED_OPS, OPS
from throughline.features.selection import FeatureSelection

ROWS = {"x": [1.0, None, 3.0, 4.0], "c": ["a", "b", None, "d"]}


def test_drops_in_training_what_misses_a_column(both):
    fitted = both.fit(DropRows(missing=("x", "c")), ROWS)
    assert both.apply(fitted, ROWS) == {"x": [1.0, 4.0], "c": ["a", "d"]}


def test_drops_where_the_condition_holds_and_keeps_what_cannot_be_told(both):
    fitted = both.fit(DropRows(where="x > 2"), ROWS)
    assert both.apply(fitted, ROWS)["x"] == [1.0, None]


def test_no_plan_holds_it_since_serving_answers_every_row(both):
    assert DropRows.name in OPS and DropRows.name not in FITTED_OPS
    ops = [DropRows(missing=("x",)), Frequency(columns=("c",))]
    plan = fit_plan(ops, both.training(ROWS), FeatureSelection(label="x", task="regression"))
    assert [op.name for op in plan.ops] == ["frequency"]


def test_refuses_nothing_to_do_and_what_is_not_there():
    with pytest.raises(ValidationError, match="needs 'missing' or 'where'"):
        DropRows()
    with pytest.raises(UserError, match="drop_rows reads the column 'z'"):
        DropRows(missing=("x",), where="z > 1").check({"x": "number"})
