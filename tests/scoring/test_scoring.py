"""Scoring a table on Spark: the same rows, the same answers as the endpoint's."""

import subprocess
import sys
from pathlib import Path

import mlflow.pyfunc
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.candidate import serving_code
from throughline.checkout import hidden_checkout, project_root
from throughline.contract.table_check import violations_of
from throughline.errors import UserError
from throughline.models.served import ServedModel
from throughline.models.signature import conform, signature_of
from throughline.outputs import Output
from throughline.scoring import scoring
from throughline.scoring.model_files import ModelFiles
from throughline.scoring.scoring import ROWS, score_table
from throughline.scoring.spark_worker import scorer


@pytest.fixture(scope="module")
def save(served, prepared, tmp_path_factory):
    """Saves the served model as a step logs it, under a contract's rule; returns its files."""

    def saved(rule="warn", threshold=0.4, plan=served.plan, estimator=served.estimator):
        folder = tmp_path_factory.mktemp("a model")
        contract = prepared.contract.ruled(rule, 0.01)
        model = ServedModel(plan, estimator, threshold, contract)
        model.save(folder / "served")
        answer = model.predict(conform(prepared.example(), plan.inputs))
        with serving_code() as code:
            mlflow.pyfunc.save_model(
                str(folder / "model"),
                python_model=str(project_root() / "throughline/models/served_pyfunc.py"),
                artifacts={"served": str(folder / "served")},
                code_paths=[str(code)],
                signature=signature_of(plan, answer),
                pip_requirements=["mlflow"],
            )
        return ModelFiles.read("models:/small/1", folder / "model")

    return saved


@pytest.fixture(scope="module")
def model(save):
    return save()


@pytest.fixture
def output(tmp_path):
    return Output.below(str(tmp_path), "new", "scored rows")


def table_of(prepared):
    """The raw test rows of a preparation, as ``score`` takes them."""
    return prepared.output.path("raw/__split=test")


def answers_of(output):
    return pd.read_parquet(output.path(ROWS)).sort_values("id", ignore_index=True)


def test_the_same_rows_give_the_same_answer_as_the_endpoint(
    spark, prepared, model, output, tmp_path
):
    made = score_table(spark, model, table_of(prepared), output, "unused")
    found = answers_of(output)
    rows = prepared.raw_rows("test")
    with hidden_checkout():
        loaded = mlflow.pyfunc.load_model(str(model.folder))
        wanted = loaded.predict(conform(rows, prepared.plan.inputs))
    pd.testing.assert_frame_equal(found[list(wanted.columns)], wanted, check_exact=True)
    assert made.rows == len(rows) == output.manifest()["rows"]
    assert made.means == {
        "prediction": pytest.approx(wanted["prediction"].mean()),
        "probability": pytest.approx(wanted["probability"].mean()),
    }
    assert output.manifest()["model"] == "models:/small/1"


def test_a_row_that_the_model_cannot_score_has_no_prediction_and_ends_no_job(
    spark, prepared, save, complete, output, tmp_path
):
    rows = prepared.raw_rows("test")
    rows.loc[3, "t"] = pd.NaT
    rows.to_parquet(tmp_path / "rows.parquet", coerce_timestamps="us")
    model = save(rule="ignore", estimator=complete.estimator)
    score_table(spark, model, str(tmp_path / "rows.parquet"), output, "unused")
    found = answers_of(output)
    assert found["prediction"].isna().tolist() == [i == 3 for i in range(len(rows))]
    assert found["probability"].isna().tolist() == found["prediction"].isna().tolist()


def test_every_other_column_is_handed_through(spark, prepared, model, output):
    score_table(spark, model, table_of(prepared), output, "unused")
    rows = prepared.raw_rows("test")
    found = answers_of(output)
    assert list(found.columns) == [*rows.columns, "prediction", "probability", "threshold"]
    assert {"late", "id", "remark"} <= set(found.columns)
    pd.testing.assert_frame_equal(found[list(rows.columns)], rows, check_dtype=False)


def test_two_models_in_one_session_answer_each_as_itself(spark, prepared, save, model, tmp_path):
    rows = prepared.raw_rows("test")
    for number, (one, threshold) in enumerate([(save(threshold=0.9), 0.9), (model, 0.4)]):
        output = Output.below(str(tmp_path), str(number))
        score_table(spark, one, table_of(prepared), output, "unused")
        assert (answers_of(output)["threshold"] == threshold).all()
        assert len(answers_of(output)) == len(rows)


def test_other_types_and_absent_columns_are_as_in_a_request(
    spark, prepared, model, output, tmp_path
):
    rows = prepared.raw_rows("test").drop(columns=["x", "late"])
    rows["n"] = rows["n"].astype("int32")
    rows.to_parquet(tmp_path / "rows.parquet", coerce_timestamps="us")
    score_table(spark, model, str(tmp_path / "rows.parquet"), output, "unused")
    wanted = ServedModel.load(model.folder / model.served).predict(rows)
    found = answers_of(output)[list(wanted.columns)]
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_a_csv_table_and_no_rows(spark, prepared, model, tmp_path):
    rows = prepared.raw_rows("test").drop(columns=["late", "remark"])
    rows.to_csv(tmp_path / "rows.csv", index=False, na_rep="NA")
    output = Output.below(str(tmp_path), "csv")
    score_table(spark, model, str(tmp_path / "rows.csv"), output, "unused")
    wanted = ServedModel.load(model.folder / model.served).predict(rows)
    assert answers_of(output)["probability"].tolist() == wanted["probability"].tolist()
    empty = pa.Table.from_pandas(rows).slice(0, 0)
    pq.write_table(empty, tmp_path / "none.parquet", coerce_timestamps="us")
    output = Output.below(str(tmp_path), "none")
    made = score_table(spark, model, str(tmp_path / "none.parquet"), output, "unused")
    assert (made.rows, made.means) == (0, {})


def test_refuses_what_does_not_fit(spark, prepared, model, output, tmp_path):
    rows = prepared.raw_rows("test")

    def refusal(changed):
        changed.to_parquet(tmp_path / "rows.parquet", coerce_timestamps="us")
        with pytest.raises(UserError) as raised:
            score_table(spark, model, str(tmp_path / "rows.parquet"), output, "unused")
        assert not output.exists()
        assert "\n" not in str(raised.value)
        return str(raised.value)

    assert "lacks the column 't', which the model" in refusal(rows.drop(columns="t"))
    assert "'x' of the table" in refusal(rows.assign(x="far"))
    assert "is of kind text, where the model models:/small/1 reads number" in refusal(
        rows.assign(x="far")
    )
    assert "has a column 'probability'" in refusal(rows.assign(probability=1.0))


def test_the_contract_warns_or_refuses(spark, prepared, model, save, tmp_path):
    rows = prepared.raw_rows("test").assign(x=99.0)
    path = str(tmp_path / "odd.parquet")
    rows.to_parquet(path, coerce_timestamps="us")
    output = Output.below(str(tmp_path), "warned")
    made = score_table(spark, model, path, output, "unused")
    assert "'x' has 48 of 48 rows outside" in made.violations[0].text
    assert len(answers_of(output)) == 48
    output = Output.below(str(tmp_path), "refused")
    with pytest.raises(UserError, match="do not keep the data contract: the column 'x'"):
        score_table(spark, save("refuse"), path, output, "unused")
    assert not output.exists()


def test_refuses_to_overwrite(spark, prepared, model, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="There is something at .*there already"):
        output = Output.below(str(tmp_path), "there")
        score_table(spark, model, table_of(prepared), output, "unused")
    assert (tmp_path / "there" / "mine.txt").read_text() == "mine"


def test_of_two_jobs_with_one_output_one_makes_it(spark, prepared, model, output, monkeypatch):
    """One takes its time to read the table, and the other comes meanwhile."""
    told = []

    def score():
        try:
            told.append(score_table(spark, model, table_of(prepared), output, "unused").rows)
        except UserError as error:
            told.append(str(error))

    def slowly(*arguments):
        monkeypatch.undo()
        score()
        return violations_of(*arguments)

    monkeypatch.setattr(scoring, "violations_of", slowly)
    score()
    assert told == [f"There is something at {output.uri} already; give another output.", 48]
    assert output.damage() == "" and len(answers_of(output)) == 48


def test_a_scoring_that_breaks_off_leaves_nothing(spark, prepared, save, output):
    broken = save()
    (broken.folder / broken.served / "booster.json").write_text("{}")
    with pytest.raises(Exception, match="booster|XGBoost"):
        score_table(spark, broken, table_of(prepared), output, "unused")
    assert not output.exists()


def test_refuses_a_model_that_is_not_of_this_project(tmp_path):
    mlflow.pyfunc.save_model(
        str(tmp_path / "other"),
        python_model=str(Path(__file__).parents[1] / "deployment/late_model.py"),
        pip_requirements=["mlflow"],
    )
    with pytest.raises(UserError, match="was not trained by a step of this project"):
        ModelFiles.read("models:/other/1", tmp_path / "other")


def test_the_workers_function_brings_all_its_code(model, tmp_path):
    """A worker on a cluster cannot import this project."""
    from pyspark import cloudpickle

    function = scorer("model.zip", model.served, model.answers)
    (tmp_path / "function").write_bytes(cloudpickle.dumps(function))
    script = """
import pickle, sys
function = pickle.load(open("function", "rb"))
print(callable(function), "throughline" in sys.modules)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.split() == ["True", "False"], done.stderr
