import logging

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from throughline.balance import smote
from throughline.balance.balance import Balance, rows_changed
from throughline.errors import UserError

FEATURES = ["x (m)", "c", "时.`'z"]


def test_smote_brings_smaller_classes_up(balance, make_rows, layout):
    rows = make_rows([400, 60, 20])
    found, after = balance(rows, smote={"ratio": 0.5})
    assert after == layout
    assert list(found.columns) == ["late ?", *FEATURES]
    assert found.dtypes.astype(str).tolist() == ["int32", "float32", "int32", "float32"]
    assert found["late ?"].value_counts().to_dict() == {0: 400, 1: 200, 2: 200}
    for label in range(3):
        was, now = (table[table["late ?"] == label] for table in (rows, found))
        kept = now.merge(was[FEATURES], on=FEATURES)
        assert len(kept) == len(was)
        for name in FEATURES:
            assert was[name].min() <= now[name].min() <= now[name].max() <= was[name].max()
        assert now["x (m)"].mean() == pytest.approx(was["x (m)"].mean(), abs=0.3)
    assert set(found[found["late ?"] == 2]["c"]) == {3}


def test_smote_gives_the_same_rows_however_they_are_spread(balance, make_rows):
    rows = make_rows([200, 40, 30])
    one, _ = balance(rows, partitions=1, smote={"ratio": 0.6})
    other, _ = balance(rows.sample(frac=1, random_state=3), partitions=5, smote={"ratio": 0.6})
    pd.testing.assert_frame_equal(one, other)
    another, _ = balance(rows, smote={"ratio": 0.6, "seed": 8})
    assert not one.equals(another)


def test_smote_in_blocks_and_turns_makes_all_that_is_wanted(balance, make_rows, monkeypatch):
    monkeypatch.setattr(smote, "BLOCK_ROWS", 16)
    monkeypatch.setattr(smote, "MADE_AT_ONCE", 20)
    found, _ = balance(make_rows([500, 50, 7]), smote={"ratio": 1.0, "neighbors": 3})
    assert found["late ?"].value_counts().to_dict() == {0: 500, 1: 500, 2: 500}
    assert len(found.drop_duplicates()) > 1490


def test_smote_is_like_the_original(balance, make_rows):
    from imblearn.over_sampling import SMOTENC

    rows = make_rows([900, 120, 300])
    found, _ = balance(rows, smote={"ratio": 1.0})
    features, labels = SMOTENC(categorical_features=[1], random_state=1).fit_resample(
        rows[FEATURES], rows["late ?"]
    )
    for label in (1, 2):
        ours, theirs = found[found["late ?"] == label], features[labels == label]
        assert len(ours) == len(theirs) == 900
        for name in ("x (m)", "时.`'z"):
            assert ours[name].mean() == pytest.approx(theirs[name].mean(), abs=0.4)
            assert ours[name].std() == pytest.approx(theirs[name].std(), rel=0.1)
        assert (ours["c"] == 1).mean() == pytest.approx((theirs["c"] == 1).mean(), abs=0.08)


def test_smote_adds_nothing_where_there_is_enough(balance, make_rows, caplog):
    rows = make_rows([100, 60, 50])
    with caplog.at_level(logging.INFO, logger="throughline"):
        found, _ = balance(rows, smote={"ratio": 0.5})
    assert len(found) == 210
    assert "smote adds nothing: every class has 50 rows or more" in caplog.messages


def test_smote_refuses_too_few_rows_and_missing_values(balance, make_rows):
    with pytest.raises(UserError, match="class 'maybe' has 5 training rows.*5 neighbors needs 6"):
        balance(make_rows([100, 60, 5]), smote={})
    rows = make_rows([100, 20, 60])
    rows.loc[0, "x (m)"] = np.nan  # of the largest class, which is not looked at
    assert len(balance(rows, smote={})[0]) > 180
    rows.loc[105, "x (m)"] = np.nan
    with pytest.raises(UserError, match=r"cannot make rows of 'x \(m\)'.*impute it"):
        balance(rows, smote={})


def test_smotes_work_runs_where_there_is_no_project(layout):
    import subprocess
    import sys

    from pyspark import cloudpickle

    with smote._pickled_whole():
        work = cloudpickle.dumps(
            smote.block_maker(layout, smote.Smote(), {1: 1.0}, frozenset(), {(1, 0, 0): 4})
        )
    code = (
        "import pickle, sys, pandas as pd\n"
        "work = pickle.loads(sys.stdin.buffer.read())\n"
        "block = pd.DataFrame({'row': [1, 2], 'class': 1, 'f0': [0., 1.], 'f1': 2, 'f2': 3.})\n"
        "print(len(work((1, 0, 0), block)), 'throughline' in sys.modules)"
    )
    command = [sys.executable, "-I", "-c", code]
    shown = subprocess.run(command, input=work, capture_output=True, cwd="/", check=True)
    assert shown.stdout.split() == [b"4", b"False"]


def test_undersampling_leaves_out_rows_of_larger_classes(balance, make_rows, layout):
    rows = make_rows([4000, 2000, 500])
    found, after = balance(rows, undersample={"ratio": 0.5})
    assert after == layout
    counts = found["late ?"].value_counts()
    assert counts[2] == 500
    assert counts[0] == pytest.approx(1000, abs=110)
    assert counts[1] == pytest.approx(1000, abs=110)
    assert len(found.merge(rows, on=["late ?", *FEATURES])) == len(found)


def test_undersampling_follows_from_key_and_seed(balance, make_rows):
    rows = make_rows([300, 100, 100])
    one, _ = balance(rows, partitions=1, undersample={})
    other, _ = balance(rows.sample(frac=1, random_state=3), partitions=4, undersample={})
    pd.testing.assert_frame_equal(one, other)
    assert not one.equals(balance(rows, undersample={"seed": 1})[0])


def test_balanced_weights_are_scikit_learns(balance, make_rows):
    from sklearn.utils.class_weight import compute_sample_weight

    rows = make_rows([100, 60, 5])
    found, layout = balance(rows, class_weight="balanced")
    assert layout.weight == "__weight"
    assert found["__weight"].dtype == np.float32
    expected = compute_sample_weight("balanced", found["late ?"])
    np.testing.assert_allclose(found["__weight"], expected, rtol=1e-6)
    assert found["__weight"].mean() == pytest.approx(1)
    pd.testing.assert_frame_equal(
        found.drop(columns="__weight"), balance(rows, undersample={"ratio": 0.001})[0]
    )


def test_given_weights_and_a_class_that_is_not_there(balance, make_rows):
    rows = make_rows([10, 6, 5])
    found, _ = balance(rows, class_weight={"yes": 2.5, "maybe": 4})
    assert found.groupby("late ?")["__weight"].unique().explode().to_list() == [1.0, 2.5, 4.0]
    with pytest.raises(UserError, match="names the class 'yess'.*did you mean 'yes'"):
        balance(rows, class_weight={"yess": 2.0})


def test_a_class_without_rows_and_no_rows_at_all(balance, make_rows):
    rows = make_rows([50, 10])
    assert balance(rows, smote={})[0]["late ?"].value_counts().to_dict() == {0: 50, 1: 25}
    found, _ = balance(rows, class_weight="balanced")
    assert sorted(found["__weight"].unique()) == pytest.approx([0.6, 3.0])
    assert len(balance(rows, undersample={})[0]) < 60


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "balance is one of"),
        ({"smote": {}, "undersample": {}}, "balance is one of"),
        ({"smote": {"ratio": 1.5}}, "less than or equal to 1"),
        ({"smote": {"neighbours": 5}}, "did you mean 'neighbors'"),
        ({"smote": {"neighbors": 0}}, "greater than or equal to 1"),
        ({"undersample": {"ratio": 0}}, "greater than 0"),
        ({"class_weight": "even"}, "balanced"),
        ({"class_weight": {}}, "at least 1 item"),
        ({"class_weight": {"yes": -1}}, "greater than 0"),
        ({"class_weigth": "balanced"}, "did you mean 'class_weight'"),
    ],
)
def test_refuses_what_is_no_balance(said, message):
    with pytest.raises(ValidationError, match=message):
        Balance.model_validate(said)


def test_class_names_are_text_whatever_yaml_took_them_for():
    assert Balance.model_validate({"class_weight": {0: 1, 1: 2}}).class_weight == {"0": 1, "1": 2}


def test_the_change_is_counted():
    assert rows_changed(10, 10) == {}
    assert rows_changed(10, 15) == {"rows_synthetic": 5}
    assert rows_changed(10, 4) == {"rows_dropped": 6}
