import pytest

from throughline.errors import UserError
from throughline.features.aggregate import Aggregate, FittedAggregate

ROWS = {
    "origin": ["A", "A", "A", "B", None],
    "dest": ["x", "x", "y", "x", "x"],
    "d": [1.0, 3.0, 8.0, None, 4.0],
}


def test_figures_per_group_and_of_the_whole(both):
    op = Aggregate(by=("origin",), of="d", functions=("count", "mean", "min", "max", "std"))
    fitted = both.fit(op, ROWS)
    found = both.apply(fitted, {"origin": ["A", "B", "never seen", None], "d": [0.0] * 4})
    assert found["d_count_by_origin"] == [3.0, 0.0, 0.0, 0.0]
    assert found["d_mean_by_origin"] == [4.0, 4.0, 4.0, 4.0]
    assert found["d_min_by_origin"] == [1.0, 1.0, 1.0, 1.0]
    assert found["d_max_by_origin"] == [8.0, 8.0, 8.0, 8.0]
    assert found["d_std_by_origin"][0] == pytest.approx(13**0.5)


def test_two_keys_and_text_counted(both):
    fitted = both.fit(Aggregate(by=("origin", "dest"), of="origin", functions=("count",)), ROWS)
    found = both.apply(fitted, {"origin": ["A", "A", "B", "A"], "dest": ["x", "y", "y", None]})
    assert found["origin_count_by_origin_dest"] == [2.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("keys", "unseen"),
    [([1, 1, 2, None], 3), ([0.5, 0.5, 1e10, None], 1.5), ([2**53 + 1, 2**53 + 1, 2**53, None], 5)],
)
def test_number_keys_through_json(both, keys, unseen):
    op = Aggregate(by=("k",), of="x", functions=("mean",))
    fitted = both.fit(op, {"k": keys, "x": [1.0, 3.0, 5.0, 7.0]})
    read = FittedAggregate.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {"k": [keys[2], keys[0], unseen, None], "x": [0.0] * 4})
    assert found["x_mean_by_k"] == [5.0, 2.0, 4.0, 4.0]


def test_no_key_is_known(both):
    op = Aggregate(by=("k",), of="x", functions=("mean", "count"))
    fitted = both.fit(op, {"k": [None, None], "x": [1.0, 3.0]}, k="string")
    found = both.apply(fitted, {"k": ["a", None], "x": [0.0, 0.0]})
    assert found["x_mean_by_k"] == [2.0, 2.0]
    assert found["x_count_by_k"] == [0.0, 0.0]


def test_replaces_a_column_of_the_same_name(both):
    fitted = both.fit(Aggregate(by=("k",), of="x", functions=("mean",)), {"k": ["a"], "x": [2.0]})
    found = both.apply(fitted, {"k": ["a"], "x": [0.0], "x_mean_by_k": [9.0]})
    assert found["x_mean_by_k"] == [2.0]


def test_refuses_figures_of_text_and_what_is_not_there():
    with pytest.raises(UserError, match="aggregate can only count the column 'c'"):
        Aggregate(by=("k",), of="c", functions=("mean",)).check({"k": "text", "c": "text"})
    Aggregate(by=("k",), of="c", functions=("count",)).check({"k": "text", "c": "text"})
    with pytest.raises(UserError, match="aggregate reads the column 'kk'.*did you mean 'k'"):
        Aggregate(by=("kk",), of="c", functions=("count",)).check({"k": "text", "c": "text"})
    with pytest.raises(UserError, match="aggregate cannot read the column 't'"):
        Aggregate(by=("t",), of="c", functions=("count",)).check({"t": "time", "c": "text"})
