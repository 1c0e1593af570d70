"""What is served of a Spark ML model gives Spark's own scores."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.models.spark_check import rows_scored_otherwise
from throughline.models.spark_forest import SparkForest
from throughline.models.spark_gbt import SparkGbt
from throughline.models.spark_linear import SparkLinear
from throughline.models.spark_perceptron import SparkPerceptron
from throughline.models.spark_pipeline import fitted_pipeline, part_on_spark, saved
from throughline.models.spark_tree import SparkTree
from throughline.models.tree_ensemble import float32_at_most

FEW = {"maxDepth": 4, "maxBins": 16, "minInstancesPerNode": 5}
TREES = {"maxIter": 3, **FEW}


def thresholds(model):
    """The thresholds of the numbers, by the index of the wide column."""
    with saved(model.stages[-1]) as folder:
        nodes = pq.read_table(folder / "data").to_pylist()
    found = {}
    for row in nodes:
        node = row.get("nodeData", row)
        split = node["split"]
        if node["leftChild"] >= 0 and split["numCategories"] == -1:
            value = split["leftCategoriesOrThreshold"][0]
            found.setdefault(split["featureIndex"], []).append(value)
    return found


def by_spark(family, table, trained):
    """The pipeline as Spark has it, fitted again: the seed is fixed."""
    return fitted_pipeline(table, family.learner(table.layout, trained.parameters))


def spark_scores(table, model, part):
    """Spark's own scores of a part, (n, outputs), in the order of the part's rows."""
    scored = model.transform(part_on_spark(table, part)).toPandas()
    if table.layout.task == "regression":
        return scored[["prediction"]].to_numpy()
    scores = np.stack([vector.toArray() for vector in scored["probability"]])
    return scores[:, 1:] if table.layout.binary else scores


def test_rows_that_are_scored_otherwise_are_counted(make_table):
    table = make_table("binary")
    trained = SparkGbt().train(table, TREES)
    assert trained.metrics["rows_scored_otherwise"] == 0
    other = SparkGbt().train(table, {**TREES, "maxDepth": 1})
    model = by_spark(SparkGbt(), table, trained)
    assert rows_scored_otherwise(table, model, other.estimator) > 100


def rows_on_thresholds(on):
    """Every pair of numbers on a threshold, or one float32 above or below; all categories."""

    def around(values):
        near = np.unique(np.array(values, dtype=np.float32))
        low, high = (np.nextafter(near, np.float32(to)) for to in (-np.inf, np.inf))
        return np.concatenate([low, near, high])

    draw = np.random.default_rng(7)
    x, z = around(on[0]), around(on.get(5, [0.0]))
    pairs = np.array([(a, b) for a in x for b in z], dtype=np.float32)
    pairs = np.concatenate([pairs, draw.normal(size=(500, 2)).astype(np.float32)])
    count = len(pairs)
    return {
        "x (m)": pairs[:, 0],
        "c": draw.integers(0, 4, count).astype(np.int32),
        "z": pairs[:, 1],
        "o": draw.integers(0, 3, count).astype(np.int32),
        "y": np.zeros(count, dtype=np.int32),
    }


@pytest.mark.parametrize(
    ("family", "few", "kind"),
    [
        (SparkGbt(), TREES, "binary"),
        (SparkGbt(), TREES, "regression"),
        (SparkTree(), FEW, "binary"),
        (SparkTree(), FEW, "classes"),
        (SparkForest(), {"numTrees": 3, **FEW}, "classes"),
        (SparkForest(), {"numTrees": 3, **FEW}, "regression"),
    ],
    ids=lambda value: getattr(value, "name", value) if not isinstance(value, dict) else "few",
)
def test_trees_score_rows_on_their_thresholds_as_spark_does(spark, make_table, family, few, kind):
    table = make_table(kind)
    trained = family.train(table, few)
    model = by_spark(family, table, trained)
    rows = rows_on_thresholds(thresholds(model))
    pq.write_table(pa.table(rows), table.output.path("test") + "/rows.parquet")
    wanted = spark_scores(table, model, "test")
    found = trained.estimator.predict(table.columns("test"))
    assert found.shape == wanted.shape == (len(rows["y"]), table.layout.outputs)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    assert len(np.unique(found)) > 5
    used = {name for name, gain in trained.importances.items() if gain > 0}
    assert {"x (m)", "o"} <= used <= {"x (m)", "c", "z", "o"}


@pytest.mark.parametrize("kind", ["binary", "classes", "regression"])
def test_linear_models_score_as_spark_does(spark, make_table, kind):
    table = make_table(kind)
    trained = SparkLinear().train(table, {"maxIter": 50})
    wanted = spark_scores(table, by_spark(SparkLinear(), table, trained), "test")
    found = trained.estimator.predict(table.columns("test"))
    assert found.shape == wanted.shape == (200, table.layout.outputs)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    assert set(trained.importances) == {"x (m)", "c", "z", "o"}


@pytest.mark.parametrize(("kind", "hidden"), [("binary", [4]), ("classes", [5, 4])])
def test_perceptrons_score_as_spark_does(spark, make_table, kind, hidden):
    table = make_table(kind)
    trained = SparkPerceptron().train(table, {"hidden": hidden, "maxIter": 60})
    wanted = spark_scores(table, by_spark(SparkPerceptron(), table, trained), "test")
    columns = table.columns("test")
    found = trained.estimator.predict(columns)
    assert found.shape == wanted.shape == (200, table.layout.outputs)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)
    assert trained.metrics["rows_scored_otherwise"] == 0
    said = found.argmax(axis=1) if kind == "classes" else found[:, 0] >= 0.5
    assert (said != columns["y"]).mean() < 0.2


def test_a_perceptron_refuses_numbers_weights_and_wrong_layers(spark, make_table):
    family, table = SparkPerceptron(), make_table("binary")
    with pytest.raises(UserError, match="tells classes apart, and the label is a number"):
        family.train(make_table("regression"), {})
    with pytest.raises(UserError, match="has no parameter 'layers'"):
        family.train(table, {"layers": [7, 4, 2]})
    for hidden in (16, [0], [True], ["4"]):
        with pytest.raises(UserError, match="takes 'hidden' as a list of widths such as"):
            family.train(table, {"hidden": hidden})
    weighted = table.layout.model_copy(update={"weight": "__weight"})
    with pytest.raises(UserError, match="cannot weigh rows"):
        family.kind(weighted)


def test_a_threshold_never_moves_a_float32_row():
    draw = np.random.default_rng(7)
    values = np.concatenate([draw.normal(size=1000), [0.1, 0.5, 0.0, 1e-40, 16777217.0]])
    for value in values:
        bound = np.float32(float32_at_most(value))
        near = np.float32(value)
        for row in (near, *(np.nextafter(near, np.float32(to)) for to in (-np.inf, np.inf))):
            assert (float(row) <= value) == bool(row <= bound)


@pytest.mark.parametrize(
    "family", [SparkForest(), SparkGbt(), SparkLinear(), SparkPerceptron(), SparkTree()]
)
def test_refuses_missing_values(make_table, family):
    table = make_table("binary")
    path = table.output.path("train") + "/rows.parquet"
    rows = dict(table.columns("train"))
    rows["z"] = np.where(np.arange(600) == 5, np.float32(np.nan), rows["z"])
    pq.write_table(pa.table(rows), path)
    with pytest.raises(UserError, match=f"{family.name} cannot take missing values, and 'z' has"):
        family.train(table, {})


@pytest.mark.parametrize("name", ["features", "prediction", "probability", "rawPrediction"])
def test_refuses_the_names_that_spark_gives_its_own_columns(make_table, name):
    table, family = make_table("binary"), SparkTree()
    layout = table.layout
    first = layout.features[0].model_copy(update={"name": name})
    for change, what in [
        ({"features": (first, *layout.features[1:])}, f"rename the feature {name!r}"),
        ({"label": name}, f"rename the label {name!r}"),
    ]:
        changed = layout.model_copy(update=change)
        table.__dict__["plan"] = table.plan.model_copy(update={"layout": changed})
        with pytest.raises(UserError, match=f"spark_tree .* {name!r} of its own; {what}"):
            family.train(table, {})


def test_refuses_more_classes_than_it_can_tell_and_unknown_parameters(make_table):
    with pytest.raises(UserError, match="spark_gbt tells two classes apart, and the label has 3"):
        SparkGbt().train(make_table("classes"), {})
    with pytest.raises(UserError, match="has no parameter 'maxDept'; did you mean 'maxDepth'"):
        SparkGbt().train(make_table("binary"), {"maxDept": 3})


@pytest.mark.parametrize(
    ("family", "parameters"),
    [(SparkGbt(), {"maxDepth": -1}), (SparkLinear(), {"regParam": "much"})],
)
def test_refuses_values_that_spark_does_not_take(spark, make_table, family, parameters):
    (name,) = parameters
    with pytest.raises(UserError, match=f"{family.name} .*{name}"):
        family.train(make_table("binary"), parameters)
