import datetime as dt

import narwhals as nw
import pytest
from pydantic import ValidationError

from throughline.errors import UserError
from throughline.features.aggregate import Aggregate, FittedAggregate
from throughline.features.checking import check_ops
from throughline.features.fitting import fit_ops
from throughline.features.out_of_fold import FOLD, with_folds

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
    with pytest.raises(UserError, match="aggregate cannot group by the column 't'.*kind time"):
        Aggregate(by=("t",), of="c", functions=("count",)).check({"t": "time", "c": "text"})


def test_counts_distinct_values_of_any_kind(both):
    rows = {
        "k": [True, True, True, False],
        "text": ["a", "b", "a", None],
        "number": [0.0, -0.0, 1.5, 2.0],
        "flag": [True, True, True, False],
        "time": [dt.datetime(2020, 1, day, tzinfo=dt.UTC) for day in (1, 2, 3, 3)],
    }
    wanted = {"text": [2.0, 0.0], "number": [2.0, 1.0], "flag": [1.0, 1.0], "time": [3.0, 1.0]}
    for of, counts in wanted.items():
        fitted = both.fit(Aggregate(by=("k",), of=of, functions=("distinct",)), rows)
        read = FittedAggregate.model_validate_json(fitted.model_dump_json())
        found = both.apply(read, {"k": [True, False, None]})
        assert found[f"{of}_distinct_by_k"] == [*counts, 0.0]


def test_smoothing_draws_the_mean_of_a_small_group_to_the_whole(both):
    op = Aggregate(by=("k",), of="x", functions=("mean", "max", "count"), smoothing=2)
    fitted = both.fit(op, {"k": ["a", "a", "b", "c"], "x": [1.0, 3.0, 8.0, None]})
    found = both.apply(fitted, {"k": ["a", "b", "c", "?"]})  # a request need not carry x
    assert found["x_mean_by_k"] == [3.0, (8 + 2 * 4) / 3, 4.0, 4.0]
    assert found["x_max_by_k"] == [3.0, 8.0, 8.0, 8.0]
    assert found["x_count_by_k"] == [2.0, 1.0, 0.0, 0.0]
    with pytest.raises(ValidationError, match="only a mean is smoothed"):
        Aggregate(by=("k",), of="x", functions=("max",), smoothing=2)


def test_keys_that_are_named_like_a_function_or_oddly(both):
    rows = {"mean": ["a", "b"], "a b,c": ["x", "x"], "时间 '\"": [1.0, 3.0]}
    op = Aggregate(by=("mean", "a b,c"), of="时间 '\"", functions=("mean", "count", "mean"))
    found = both.apply(both.fit(op, rows), rows)
    assert found["时间 '\"_mean_by_mean_a b,c"] == [1.0, 3.0]


def test_a_column_without_any_value(both):
    op = Aggregate(by=("k",), of="x", functions=("mean", "std", "distinct"), smoothing=1)
    found = both.apply(both.fit(op, {"k": ["a", "b"], "x": [None, None]}), {"k": ["a", "?"]})
    assert found["x_mean_by_k"] == found["x_std_by_k"] == [None, None]
    assert found["x_distinct_by_k"] == [0.0, 0.0]


LABELLED = {
    "id": list(range(8)),
    "k": ["a", "a", "a", "a", "b", "b", None, "c"],
    "y": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
    FOLD: [0, 1, 2, 2, 3, 3, 4, 4],
}
OF_LABEL = Aggregate(by=("k",), of="y", functions=("mean", "count", "max", "distinct", "min"))


def in_training(both, op, rows):
    """What the training rows get, in the order of their id."""
    table = both.training(rows)
    (fitted,) = fit_ops([op], table, "y")
    made = fitted.apply_in_training(nw.from_native(with_folds(table, "y")))
    return made.to_native().toPandas().sort_values("id", ignore_index=True)


def test_of_the_label_training_rows_see_the_other_folds(both):
    found = in_training(both, OF_LABEL, LABELLED)
    total = sum(LABELLED["y"])
    assert found["y_mean_by_k"].tolist() == [
        14 / 3,
        13 / 3,
        1.5,
        1.5,
        *[(total - 48) / 6] * 2,
        *[(total - 192) / 6] * 2,
    ]
    assert found["y_count_by_k"].tolist() == [3, 3, 2, 2, 0, 0, 0, 0]
    assert found["y_distinct_by_k"].tolist() == [3, 3, 2, 2, 0, 0, 0, 0]
    assert found["y_max_by_k"].tolist() == [8, 8, 2, 2, 128, 128, 32, 32]
    assert found["y_min_by_k"].tolist() == [2, 1, 1, 1, 1, 1, 1, 1]


def test_of_the_label_every_other_row_sees_all_training_rows(both):
    (fitted,) = fit_ops([OF_LABEL], both.training(LABELLED), "y")
    read = FittedAggregate.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {"k": ["a", "b", None, "?"]})
    assert found["y_mean_by_k"] == [15 / 4, 24.0, 255 / 8, 255 / 8]
    assert found["y_count_by_k"] == [4.0, 2.0, 0.0, 0.0]
    with pytest.raises(RuntimeError, match="not for its training rows"):
        read.apply_in_training(nw.from_native(both.training(LABELLED)))


def test_smoothing_of_the_label_is_by_fold_too(both):
    op = Aggregate(by=("k",), of="y", functions=("mean",), smoothing=3)
    means = in_training(both, op, LABELLED)["y_mean_by_k"].tolist()
    assert means[0] == pytest.approx((14 + 3 * 254 / 7) / 6)
    assert means[4] == pytest.approx((255 - 48) / 6)


def test_a_rows_own_label_has_no_part_in_its_value(both):
    before = in_training(both, OF_LABEL, LABELLED)
    flipped = [-1000.0, *LABELLED["y"][1:]]
    after = in_training(both, OF_LABEL, {**LABELLED, "y": flipped})
    written = [column for column in before if column.startswith("y_")]
    assert after[written].iloc[0].equals(before[written].iloc[0])
    assert (after["y_mean_by_k"].iloc[1:] != before["y_mean_by_k"].iloc[1:]).all()


def test_folds_are_made_where_none_are_given(both):
    rows = {"id": list(range(40)), "k": ["a"] * 40, "y": [float(i) for i in range(40)]}
    op = Aggregate(by=("k",), of="y", functions=("mean", "count"))
    before = in_training(both, op, rows)
    assert 3 <= before["y_mean_by_k"].nunique() <= 5
    assert before["y_count_by_k"].between(16, 39).all()
    assert FOLD in before  # for the ops that come after
    flipped = {**rows, "y": [-1000.0, *rows["y"][1:]]}
    assert in_training(both, op, flipped)["y_mean_by_k"][0] == before["y_mean_by_k"][0]


def test_refuses_the_label_as_a_key_and_many_classes(both):
    op = Aggregate(by=("y",), of="x", functions=("mean",))
    with pytest.raises(UserError, match="aggregate touches the label 'y'"):
        check_ops([op], {"x": "number", "y": "number"}, "y")
    assert "y_mean_by_k" in check_ops([OF_LABEL], {"k": "text", "y": "text"}, "y")
    with pytest.raises(UserError, match="cannot compute with the label 'y', which has 3 classes"):
        fit_ops([OF_LABEL], both.training(LABELLED), "y", classes=3)
    counted = Aggregate(by=("k",), of="y", functions=("count", "distinct"))
    fit_ops([counted], both.training(LABELLED), "y", classes=3)


def test_says_what_it_learnt(both):
    (fitted,) = fit_ops([OF_LABEL], both.training(LABELLED), "y")
    assert fitted.describe()["y_mean_by_k"] == (
        "3 groups; any other gets 31.875; training rows get what other folds tell"
    )
