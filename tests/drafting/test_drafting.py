import datetime as dt

import pytest

from throughline.drafting.drafting import draft_for
from throughline.drafting.file import new_recipe_file
from throughline.errors import UserError
from throughline.models.spark_linear import SparkLinear
from throughline.outputs import Output
from throughline.preparation import prepare
from throughline.prepared import PreparedTable
from throughline.recipe.file import parse_recipe

ROWS = 240


@pytest.fixture
def table(tmp_path):
    """A table as people have them: an id, a date, odd names, a constant, remarks and a leak."""
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(7)
    size = draw.normal(size=ROWS)
    kind = draw.choice(np.array(["a", "b", "时间", None], dtype=object), ROWS)
    churn = (size + draw.normal(scale=0.5, size=ROWS) > 0.2).astype(int)
    rows = pd.DataFrame(
        {
            "customer id": range(ROWS),
            "joined": pd.date_range("2024-01-01", periods=ROWS, freq="D", tz="UTC"),
            "size": np.where(draw.random(ROWS) < 0.1, np.nan, size),
            'the "kind"': kind,
            "country": "NL",
            "remark": [f"row {i} said something" for i in range(ROWS)],
            "refund": churn * 10.0 + draw.normal(scale=0.1, size=ROWS),
            "reason": np.where(churn == 1, "left", "stays"),
            "opted in": draw.choice(np.array([True, False, None], dtype=object), ROWS),
            "last seen": pd.date_range("2024-01-01", periods=ROWS, freq="h", tz="UTC").where(
                draw.random(ROWS) < 0.9
            ),
            "churn": churn,
        }
    )
    path = tmp_path / "My customers.parquet"
    rows.to_parquet(path, index=False, coerce_timestamps="us")
    return path


def test_the_draft_runs(spark, table, tmp_path):
    text = draft_for(spark, str(table), "unused")
    recipe = parse_recipe(text)
    assert (recipe.name, recipe.key, recipe.label.name) == (
        "My-customers", ("customer id",), "churn"
    )  # fmt: skip
    assert recipe.label.task == "classification"
    assert "country: text, 1 values" in text and "remark: text, about 2" in text
    assert recipe.split.by == "joined"
    assert set(recipe.known_after) == {"refund", "reason"}
    output = Output.below(str(tmp_path), "prepared")
    prepare(spark, recipe, output, "unused", row_groups=1)
    prepared = PreparedTable.open(output.uri)
    assert {feature.name for feature in prepared.layout.features} == {
        "size", "size_missing", 'the "kind"', "opted in",
        "joined_month", "joined_day_of_week", "joined_hour",
        "last seen_month", "last seen_day_of_week", "last seen_hour",
    }  # fmt: skip
    assert SparkLinear().train(prepared, {}).estimator


def test_every_choice_is_explained(spark, table):
    text = draft_for(spark, str(table), "unused")
    assert "size: number, " in text
    assert "% missing" in text
    assert "# not used: country (constant)" in text
    assert "# not used: remark (nearly every row has a text of its own)" in text
    assert "refund   # correlation 1.00 with the label" in text
    assert "reason   # knowing it, the label is all but known" in text


def test_a_number_becomes_a_regression(spark, table):
    recipe = parse_recipe(draft_for(spark, str(table), "unused", label="size"))
    assert recipe.label.task == "regression"
    assert recipe.metric == "rmse"


def test_no_unique_column(spark, tmp_path):
    import pandas as pd

    path = tmp_path / "1.csv"
    pd.DataFrame({"x": [1, 2, 2, 1] * 20, "y": ["a", "b"] * 40}).to_csv(path, index=False)
    recipe = parse_recipe(draft_for(spark, str(path), "unused"))
    assert recipe.name == "table-1"
    assert recipe.key == ("x",)
    assert recipe.features == ("x",)
    assert recipe.split.stratified is not None


@pytest.mark.parametrize(
    ("label", "sentence"), [("chrn", "did you mean 'churn'"), ("remark 2", "no column 'remark 2'")]
)
def test_a_label_that_is_not_there(spark, table, label, sentence):
    with pytest.raises(UserError, match=sentence):
        draft_for(spark, str(table), "unused", label=label)


def test_a_table_without_rows(spark, tmp_path):
    import pandas as pd

    path = tmp_path / "empty.parquet"
    pd.DataFrame({"x": pd.Series(dtype=float), "t": pd.Series(dtype=float)}).to_parquet(path)
    with pytest.raises(UserError, match="has no rows"):
        draft_for(spark, str(path), "unused")


def test_nothing_could_tell_the_label(spark, tmp_path):
    import pandas as pd

    path = tmp_path / "alone.parquet"
    pd.DataFrame({"t": [dt.datetime(2024, 1, 1)] * 4, "y": [0, 1, 0, 1]}).to_parquet(
        path, coerce_timestamps="us"
    )
    with pytest.raises(UserError, match="no column that could tell 'y'"):
        draft_for(spark, str(path), "unused")


def test_a_recipe_is_never_written_over(tmp_path):
    path = tmp_path / "new folder" / "mine.yaml"
    assert new_recipe_file(str(path)) == path
    path.write_text("name: mine")
    with pytest.raises(UserError, match="is there already"):
        new_recipe_file(str(path))
    with pytest.raises(UserError, match="must end in .yaml"):
        new_recipe_file(str(tmp_path / "mine.txt"))


def test_a_series_is_split_by_its_time(spark, tmp_path):
    import pandas as pd

    hours = pd.date_range("2026-01-01", periods=400, freq="h", tz="UTC")
    rows = {"at": hours, "temp": [n % 17 + 0.5 for n in range(400)]}
    rows["load"] = [100.5 + 5 * (hour.hour % 7) + n % 13 for n, hour in enumerate(hours)]
    path = tmp_path / "true.parquet"
    pd.DataFrame(rows).to_parquet(path, index=False, coerce_timestamps="us")
    recipe = parse_recipe(text := draft_for(spark, str(path), "unused", "load"))
    assert (recipe.name, recipe.key, recipe.split.by) == ("true", ("at",), "at")
    assert "date_parts: {column: at," in text


def test_a_table_of_the_label_alone(spark, tmp_path):
    import pandas as pd

    pd.DataFrame({"y": [1.5, 2.5, 3.0]}).to_parquet(tmp_path / "t.parquet", index=False)
    with pytest.raises(UserError, match="has no column that could tell 'y'"):
        draft_for(spark, str(tmp_path / "t.parquet"), "unused", "y")
