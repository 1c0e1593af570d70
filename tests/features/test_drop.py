import datetime as dt

import pytest

from throughline.errors import UserError
from throughline.features.drop import Drop, FittedDrop

ODD = '时间 d\'é "x"'


def test_drops_columns_of_every_kind(both):
    rows = {
        "x": [1.0, None],
        ODD: ["a", None],
        "b": [True, None],
        "t": [dt.datetime(2013, 1, 1, tzinfo=dt.UTC), None],
        "kept": [1, 2],
    }
    fitted = both.fit(Drop(columns=("x", ODD, "b", "t")), rows)
    read = FittedDrop.model_validate_json(fitted.model_dump_json())
    assert both.apply(read, rows) == {"kept": [1.0, 2.0]}


def test_they_are_gone_for_the_ops_after(both):
    op = Drop(columns=("x",))
    assert op.check({"x": "category", "y": "text"}) == {"y": "text"}
    assert op.fit(None, None).describe() == {"x": "dropped"}


def test_refuses_what_is_not_there():
    with pytest.raises(UserError, match="drop reads the column 'yy', which is not.*mean 'y'"):
        Drop(columns=("yy",)).check({"y": "text"})
