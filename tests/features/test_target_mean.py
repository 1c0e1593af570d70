import narwhals as nw
import pytest

from throughline.errors import UserError
from throughline.features.checking import check_ops
from throughline.features.fitting import fit_ops
from throughline.features.out_of_fold import FOLD, with_folds
from throughline.features.target_mean import FittedTargetMean, TargetMean

ROWS = {
    "id": list(range(8)),
    "k": ["a", "a", "a", "a", "b", "b", None, "c"],
    "n": [1, 1, 1, 2, 2, 2, 2, 2],
    "y": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0],
    FOLD: [0, 1, 2, 2, 3, 3, 4, 4],
}


def fitted_on(both, op, rows, label="y"):
    (fitted,) = fit_ops([op], both.training(rows), label)
    return fitted


def in_training(both, op, rows, label="y"):
    """What the training rows get, in the order of their id."""
    table = both.training(rows)
    (fitted,) = fit_ops([op], table, label)
    made = fitted.apply_in_training(nw.from_native(with_folds(table, label))).to_native()
    return made.toPandas().sort_values("id", ignore_index=True)


def test_serving_gets_what_all_training_rows_tell(both):
    fitted = fitted_on(both, TargetMean(columns=("k", "n"), smoothing=2), ROWS)
    read = FittedTargetMean.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {"k": ["a", "b", "c", None, "?"], "n": [1, 2, 3, None, 1]})
    whole = 255 / 8
    b, c = (48 + 2 * whole) / 4, (128 + 2 * whole) / 3
    assert found["k_target_mean"] == pytest.approx([(15 + 2 * whole) / 6, b, c, whole, whole])
    one, two = (7 + 2 * whole) / 5, (248 + 2 * whole) / 7
    assert found["n_target_mean"] == pytest.approx([one, two, whole, whole, one])
    assert found["k"] == ["a", "b", "c", None, "?"]


def test_training_rows_get_what_the_other_folds_tell(both):
    made = in_training(both, TargetMean(columns=("k",), smoothing=1), ROWS)
    total = 255
    assert made["k_target_mean"].tolist() == pytest.approx(
        [
            (14 + 254 / 7) / 4,
            (13 + 253 / 7) / 4,
            *[(3 + 243 / 6) / 3] * 2,
            *[(total - 48) / 6] * 2,
            *[(total - 192) / 6] * 2,
        ]
    )


def test_a_rows_own_label_has_no_part_in_its_value(both):
    rows = {**ROWS, "y": [0.1, 0.2, 0.3, 1e9, 1 / 3, 1e-9, 7.0, 2.5]}
    op = TargetMean(columns=("k", "n"))
    before = in_training(both, op, rows)
    after = in_training(both, op, {**rows, "y": [-12345.678, *rows["y"][1:]]})
    for column in ("k_target_mean", "n_target_mean"):
        assert after[column][0] == before[column][0]
        assert (after[column][1:] != before[column][1:]).all()


def test_scikit_learn_learns_the_same_means(both):
    import numpy as np
    from sklearn.preprocessing import TargetEncoder

    draw = np.random.default_rng(5)
    values, labels = draw.choice(list("abcde"), 60), draw.integers(0, 2, 60)
    fitted = fitted_on(
        both,
        TargetMean(columns=("k",), smoothing=7),
        {"k": values.tolist(), "y": labels.tolist()},
    )
    encoder = TargetEncoder(smooth=7.0, target_type="binary").fit(values.reshape(-1, 1), labels)
    found = both.apply(fitted, {"k": ["a", "b", "c", "d", "e", "?"]})["k_target_mean"]
    wanted = encoder.transform(np.array([["a"], ["b"], ["c"], ["d"], ["e"], ["?"]], dtype=object))
    assert found == pytest.approx(wanted.ravel().tolist())


def test_rows_without_a_label_tell_nothing(both):
    rows = {"k": ["a", "a", "b"], "y": [2.0, None, None]}
    found = both.apply(
        fitted_on(both, TargetMean(columns=("k",), smoothing=0), rows), {"k": ["a", "b"]}
    )
    assert found["k_target_mean"] == [2.0, 2.0]


@pytest.mark.parametrize(
    ("values", "unseen"),
    [([0.0, -0.0, 1e10], 2.5), ([True, True, False], None), ([2**53 + 1, 2**53 + 1, 2**53], 5)],
)
def test_values_of_any_kind_through_json(both, values, unseen):
    fitted = fitted_on(
        both,
        TargetMean(columns=("时间 ' \"",), smoothing=0),
        {"时间 ' \"": [*values, None], "y": [1.0, 3.0, 8.0, 20.0]},
    )
    read = FittedTargetMean.model_validate_json(fitted.model_dump_json())
    found = both.apply(read, {"时间 ' \"": [*values, unseen, None]})
    assert found["时间 ' \"_target_mean"] == [2.0, 2.0, 8.0, 8.0, 8.0]


def test_a_column_without_any_value_and_one_with_one(both):
    rows = {"id": [0, 1, 2], "k": [None] * 3, "c": ["x"] * 3, "y": [1.0, 3.0, 8.0], FOLD: [0, 1, 2]}
    op = TargetMean(columns=("k", "c"))
    table = both.training(rows, {"k": "string"})
    (fitted,) = fit_ops([op], table, "y")
    found = both.apply(fitted, {"k": ["a", None], "c": ["x", "y"]})
    assert found["k_target_mean"] == found["c_target_mean"] == [4.0, 4.0]
    made = fitted.apply_in_training(nw.from_native(table)).to_native().toPandas()
    assert made["k_target_mean"].tolist() == made["c_target_mean"].tolist() == [5.5, 4.5, 2.0]


def test_refuses_many_classes_no_label_and_the_label_itself(both):
    op = TargetMean(columns=("k",))
    with pytest.raises(UserError, match="target_mean cannot compute with the label 'y', .* 3 cla"):
        fit_ops([op], both.training(ROWS), "y", classes=3)
    with pytest.raises(UserError, match="target_mean learns from the label; name its column"):
        op.fit_on(both.training(ROWS))
    with pytest.raises(UserError, match="target_mean touches the label 'y'"):
        check_ops([TargetMean(columns=("y",))], {"y": "number"}, "y")
    with pytest.raises(UserError, match="target_mean cannot read the column 't'"):
        op.model_copy(update={"columns": ("t",)}).check({"t": "time"})


def test_is_not_for_training_rows_once_it_was_stored(both):
    fitted = TargetMean(columns=("k",)).fit_on(both.training(ROWS), label="y")
    read = FittedTargetMean.model_validate_json(fitted.model_dump_json())
    with pytest.raises(RuntimeError, match="not for its training rows"):
        read.apply_in_training(nw.from_native(both.training(ROWS)))
    assert fitted.describe() == {
        "k_target_mean": "3 values of k; any other gets 31.875; "
        "training rows get what other folds tell"
    }
