import numpy as np
import pyarrow as pa
import pytest
import torch

from throughline.errors import UserError
from throughline.models.network_batch import from_arrow


def changed(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_columns_become_matrices_in_the_layouts_order(make_rows, make_layout):
    table = make_rows(50, "binary", 0)
    batch = from_arrow(table, make_layout("binary"))
    assert batch.numeric.dtype == torch.float32
    assert batch.categories.dtype == batch.label.dtype == torch.int64
    for position, name in enumerate(["x (m)", "z"]):
        np.testing.assert_array_equal(batch.numeric[:, position], table[name])
    for position, name in enumerate(["c", "o"]):
        np.testing.assert_array_equal(batch.categories[:, position], table[name])
    np.testing.assert_array_equal(batch.label, table["y"])
    assert (
        from_arrow(make_rows(5, "regression", 0), make_layout("regression")).label.dtype
        == torch.float64
    )


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("z", [1.0, None], "Column z has 1 empty values"),
        ("z", [1.0, float("nan")], "empty or infinite values, .* have some: z"),
        ("c", [0, 4], "Column c has codes from 0 to 4, outside 0 to 3"),
        ("o", [-1, 0], "Column o has codes from -1 to 0"),
        ("y", [0, 2], "Column y has codes from 0 to 2, outside 0 to 1"),
    ],
)
def test_values_that_a_network_cannot_read_are_named(make_rows, make_layout, name, values, message):
    with pytest.raises(UserError, match=message):
        from_arrow(changed(make_rows(2, "binary", 0), name, values), make_layout("binary"))


def test_a_missing_column_is_named(make_rows, make_layout):
    with pytest.raises(UserError, match="no column z"):
        from_arrow(make_rows(2, "binary", 0).drop(["z"]), make_layout("binary"))
