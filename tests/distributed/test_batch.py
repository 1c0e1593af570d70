import numpy as np
import pyarrow as pa
import pytest
import torch

from throughline.distributed.batch import from_arrow
from throughline.errors import UserError


def changed(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_columns_become_matrices_in_the_layouts_order(make_rows, make_layout):
    table = make_rows(50, 0)
    batch = from_arrow(table, make_layout())
    assert batch.numeric.dtype == torch.float32
    assert batch.categories.dtype == batch.label.dtype == torch.int64
    for position, name in enumerate(["temp (F)", "class", "wind"]):
        np.testing.assert_array_equal(batch.numeric[:, position], table[name])
    for position, name in enumerate(["origin", "carrier"]):
        np.testing.assert_array_equal(batch.categories[:, position], table[name])
    np.testing.assert_array_equal(batch.label, table["late"])
    assert from_arrow(table, make_layout("delay")).label.dtype == torch.float64


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("wind", [1.0, None], "Column wind has 1 empty values"),
        ("wind", [1.0, float("nan")], "empty or infinite values, .* have some: wind"),
        ("carrier", [0, 9], "Column carrier has codes from 0 to 9, outside 0 to 8"),
        ("origin", [-1, 0], "Column origin has codes from -1 to 0"),
        ("late", [0, 2], "Column late has codes from 0 to 2, outside 0 to 1"),
    ],
)
def test_values_that_a_network_cannot_read_are_named(make_rows, make_layout, name, values, message):
    with pytest.raises(UserError, match=message):
        from_arrow(changed(make_rows(2, 0), name, values), make_layout())


def test_a_missing_column_is_named(make_rows, make_layout):
    with pytest.raises(UserError, match="no column wind"):
        from_arrow(make_rows(2, 0).drop(["wind"]), make_layout())
