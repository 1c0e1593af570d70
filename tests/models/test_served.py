import datetime as dt
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from throughline.models.raw_frame import raw_frame
from throughline.models.served import ServedModel


@pytest.fixture(scope="module")
def rows(prepared):
    return prepared.raw_rows("test")


def test_answers_with_prediction_probability_and_threshold(served, rows):
    answer = served.predict(rows)
    assert list(answer.columns) == ["prediction", "probability", "threshold"]
    assert answer["probability"].between(0, 1).all()
    assert (answer["threshold"] == 0.4).all()
    assert (answer["prediction"] == (answer["probability"] >= 0.4)).all()
    assert set(answer["prediction"]) == {0, 1}


def test_answers_as_the_prepared_rows_would(served, prepared, rows):
    wanted = served.estimator.predict(prepared.columns("test"))
    found = served.score(rows)
    np.testing.assert_array_equal(np.sort(found[:, 0]), np.sort(wanted[:, 0]))


def test_every_row_has_its_answer_whatever_the_order(served, rows):
    shuffled = rows.sample(frac=1, random_state=7)
    found = pd.Series(served.score(shuffled)[:, 0], index=shuffled.index).sort_index()
    np.testing.assert_array_equal(found.to_numpy(), served.score(rows)[:, 0])
    alone = np.concatenate([served.score(rows.iloc[[i]]) for i in range(8)])
    np.testing.assert_array_equal(alone, served.score(rows)[:8])


def test_columns_in_any_order_and_more_than_needed(served, rows):
    other = rows[list(rows.columns)[::-1]].assign(more="!")
    np.testing.assert_array_equal(served.score(other), served.score(rows))


def test_what_is_not_there_counts_as_missing(served, rows):
    without = rows.drop(columns=["x", "odd name"])
    missing = rows.assign(**{"x": None, "odd name": None})
    np.testing.assert_array_equal(served.score(without), served.score(missing))
    assert np.isfinite(served.score(rows[["t"]])).all()
    assert np.isfinite(served.score(rows[["remark"]])).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, None, pd.NA])
def test_what_is_no_finite_number_counts_as_missing(served, rows, value):
    found = served.score(rows.assign(x=pd.Series([value] * len(rows), dtype=object)))
    np.testing.assert_array_equal(found, served.score(rows.drop(columns="x")))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300, None])
def test_a_whole_number_that_cannot_be_counts_as_missing(served, rows, value):
    found = served.score(rows.assign(n=pd.Series([value] * len(rows), dtype=object)))
    np.testing.assert_array_equal(found, served.score(rows.drop(columns="n")))


@pytest.mark.parametrize(
    "written",
    [
        lambda t: t.dt.tz_localize(None),
        lambda t: t.dt.tz_localize("UTC") if t.dt.tz is None else t,
        lambda t: t.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
        lambda t: t.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        lambda t: t.dt.strftime("%Y-%m-%dT%H:%M:%S"),
        lambda t: t.dt.to_pydatetime(),
        lambda t: t.astype("datetime64[s]"),
    ],
)
def test_moments_with_and_without_a_zone(served, rows, written):
    naive = pd.to_datetime(rows["t"], utc=True).dt.tz_localize(None)
    found = served.score(rows.assign(t=written(naive)))
    np.testing.assert_array_equal(found, served.score(rows))


def test_a_category_never_seen_is_one_of_the_rest(served, rows):
    scores = served.score(rows.assign(**{"odd name": "never seen"}))
    np.testing.assert_array_equal(scores, served.score(rows.assign(**{"odd name": "nor this"})))


def test_no_rows_no_answers(served, rows):
    answer = served.predict(rows.iloc[:0])
    assert list(answer.columns) == ["prediction", "probability", "threshold"]
    assert len(answer) == 0


def test_saved_and_loaded_it_answers_the_same(served, rows, tmp_path):
    served.save(tmp_path / "served")
    again = ServedModel.load(tmp_path / "served")
    pd.testing.assert_frame_equal(again.predict(rows), served.predict(rows))


def test_it_loads_and_answers_without_spark_or_mlflow(served, rows, tmp_path):
    served.save(tmp_path / "served")
    rows.drop(columns="t").to_json(tmp_path / "rows.json")
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
import pandas as pd
import polars as pl
from throughline.models.served import ServedModel
rows = pd.read_json({str(tmp_path / "rows.json")!r})
print(len(ServedModel.load(Path({str(tmp_path / "served")!r})).predict(rows)))
print(*sorted({{"pyspark", "py4j", "mlflow", "torch"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == [str(len(rows))], done.stderr


def test_whole_numbers_are_exact(served):
    from throughline.features.plan import Input
    from throughline.models.raw_frame import raw_frame

    rows = pd.DataFrame({"n": [2**53 + 1, 2**53, -(2**62) - 1]})
    found = raw_frame(rows, (Input(name="n", type="long"),))
    assert found["n"].to_list() == rows["n"].tolist()


@pytest.mark.parametrize(
    ("classes", "answers"),
    [(("0", "1"), [1, 0]), (("no", "yes"), ["yes", "no"]), (("-1", "1"), [1, -1])],
)
def test_classes_are_numbers_where_all_of_them_are(served, classes, answers):
    plan = served.plan.model_copy(
        update={"layout": served.plan.layout.model_copy(update={"classes": classes})}
    )
    model = ServedModel(plan, served.estimator, 0.5)
    assert model.answer(np.array([[0.7], [0.2]]))["prediction"].tolist() == answers


def test_more_classes_and_values(served):
    layout = served.plan.layout
    three = layout.model_copy(update={"classes": ("a", "b", "c")})
    model = ServedModel(served.plan.model_copy(update={"layout": three}), served.estimator)
    answer = model.answer(np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]))
    assert answer["prediction"].tolist() == ["c", "a"]
    assert answer["probability_b"].tolist() == [0.3, 0.3]
    value = layout.model_copy(update={"classes": None, "task": "regression"})
    model = ServedModel(served.plan.model_copy(update={"layout": value}), served.estimator)
    assert model.answer(np.array([[1.5]])).to_dict("list") == {"prediction": [1.5]}


def test_a_row_that_misses_what_the_model_needs_has_no_score_and_no_prediction(complete, rows):
    holes = rows.assign(t=rows["t"].where(rows.index != rows.index[3]))
    wanted, found = complete.predict(rows), complete.predict(holes)
    assert found["prediction"][3] is None and np.isnan(found["probability"][3])
    pd.testing.assert_frame_equal(found.drop(3), wanted.drop(3), check_dtype=False)
    assert complete.missed_in(raw_frame(holes, complete.plan.inputs)) == "t"


@pytest.mark.parametrize("value", [1e300, float("nan"), float("inf")])
def test_a_number_that_is_no_whole_number_of_64_bits_is_missing_in_a_batch_too(served, rows, value):
    odd = rows.head(3).assign(n=value)
    found = served.score_batch(pa.RecordBatch.from_pandas(odd, preserve_index=False))
    np.testing.assert_array_equal(found, served.score(odd))


@pytest.mark.parametrize("classes", [("a", "b", "c"), None])
def test_no_score_is_no_prediction_of_more_classes_and_values(served, classes):
    task = "classification" if classes else "regression"
    layout = served.plan.layout.model_copy(update={"classes": classes, "task": task})
    model = ServedModel(served.plan.model_copy(update={"layout": layout}), served.estimator)
    scores = np.array([[0.2, 0.3, 0.5], [np.nan] * 3])[:, : layout.outputs]
    assert model.answer(scores)["prediction"].isna().tolist() == [False, True]


def test_the_moment_of_one_row_from_json(served):
    row = pd.DataFrame([{"t": dt.datetime(2013, 1, 9, 5), "n": 2, "flag": True}])
    assert served.predict(row).shape == (1, 3)


@pytest.mark.parametrize(
    ("classes", "answered"),
    [(("0", "1"), [0, 1]), (("01", "1"), ["01", "1"]), (("²", "a"), ["²", "a"])],
)
def test_only_plain_whole_numbers_are_answered_as_numbers(classes, answered):
    from throughline.models.served import _names_as_answered

    assert _names_as_answered(classes).tolist() == answered


@pytest.mark.parametrize("count", [1, 100])
def test_plain_values_are_typed_as_a_table_of_them_is(count):
    from throughline.features.plan import Input
    from throughline.models.raw_frame import raw_frame, typed_frame

    moment = dt.datetime(2013, 1, 9, 5, tzinfo=dt.UTC)
    columns = {
        "x": [0.5, None, -0.0],
        "n": [2**62 + 1, None, -3],
        "d": [2.0, None, 1e300],
        "c": ["", None, "时"],
        "t": [moment, None, moment],
        "b": [True, None, False],
    }
    kinds = dict(
        zip(columns, ["double", "long", "long", "string", "timestamp", "boolean"], strict=True)
    )
    inputs = tuple(Input(name=name, type=kind) for name, kind in kinds.items())
    found = typed_frame({name: values * count for name, values in columns.items()}, inputs)
    wanted = raw_frame(pd.DataFrame(columns).drop(columns="n"), inputs)
    wanted = wanted.with_columns(n=pl.Series(columns["n"], dtype=pl.Int64))
    assert found.equals(pl.concat([wanted] * count)) and found.schema == wanted.schema
    assert found["d"].to_list()[:3] == [2, None, None]
