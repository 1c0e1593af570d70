import pytest

from throughline.features.codes import code, values_of


def test_the_position_or_the_number_of_values(both):
    found = both.apply(
        lambda frame: frame.with_columns(code("c", ["z", "a"]), code("x", [1.5, 0.0])),
        {"c": ["a", "z", "?", None], "x": [-0.0, 1.5, 7.0, None]},
    )
    assert found == {"c": [1.0, 0.0, 2.0, 2.0], "x": [1.0, 0.0, 2.0, 2.0]}


@pytest.mark.parametrize(
    ("counts", "values"),
    [([("b", 3), ("a", 1)], ["b", "a"]), ([(2.0, 3), (0.5, 1)], [2.0, 0.5]), ([], [])],
)
def test_values_keep_the_order_of_their_counts(counts, values):
    assert values_of(counts) == values
