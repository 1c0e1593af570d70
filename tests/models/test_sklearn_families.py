"""What is served of a scikit-learn model gives scikit-learn's own scores."""

import mlflow
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.features.assembly import wide_matrix
from throughline.models.sklearn_boosting import SklearnBoosting
from throughline.models.sklearn_family import rows_scored_otherwise, scores_of
from throughline.models.sklearn_forest import SklearnForest
from throughline.models.sklearn_linear import SklearnLinear

KINDS = ("binary", "classes", "regression")
FEW = {
    "sklearn_linear": {},
    "sklearn_forest": {"n_estimators": 8, "max_depth": 5, "min_samples_leaf": 3, "n_jobs": 1},
    "sklearn_boosting": {"max_iter": 40, "min_samples_leaf": 3, "learning_rate": 0.2},
}
FAMILIES = (SklearnLinear(), SklearnForest(), SklearnBoosting())
TREES = FAMILIES[1:]


def rewritten(table, part, columns):
    pq.write_table(pa.table(columns), table.output.path(part) + "/rows.parquet")


def by_sklearn(family, table, trained):
    """The model as scikit-learn has it, trained again: the seed is fixed."""
    return family.fit(table, family.learner(table.layout)(**trained.parameters))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_scores_as_scikit_learn_does(make_table, family, kind):
    table = make_table(kind)
    trained = family.train(table, FEW[family.name])
    columns = table.columns("test")
    found = trained.estimator.predict(columns)
    own = scores_of(
        by_sklearn(family, table, trained), wide_matrix(columns, table.layout), table.layout
    )
    assert found.shape == own.shape == (200, table.layout.outputs)
    np.testing.assert_allclose(found, own, rtol=1e-4, atol=1e-5)
    assert trained.metrics["rows_scored_otherwise"] == 0
    assert set(trained.importances) == {"x (m)", "c", "z", "o"}
    assert max(trained.importances, key=trained.importances.get) == "x (m)"
    if kind == "regression":
        assert np.abs(found[:, 0] - columns["y"]).mean() < 120
        return
    said = found.argmax(axis=1) if kind == "classes" else found[:, 0] >= 0.5
    assert (said != columns["y"]).mean() < 0.3


@pytest.mark.parametrize("family", TREES, ids=lambda family: family.name)
def test_trees_take_missing_values_and_send_them_where_scikit_learn_does(make_table, family):
    table = make_table("binary")
    for part, every in (("train", 7), ("test", 2)):
        columns = dict(table.columns(part))
        missing = np.arange(len(columns["y"])) % every == 0
        columns["x (m)"] = np.where(missing, np.float32(np.nan), columns["x (m)"])
        rewritten(table, part, columns)
    trained = family.train(table, FEW[family.name])
    columns = table.columns("test")
    own = scores_of(
        by_sklearn(family, table, trained), wide_matrix(columns, table.layout), table.layout
    )
    np.testing.assert_allclose(trained.estimator.predict(columns), own, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", TREES, ids=lambda family: family.name)
def test_rows_on_a_threshold_fall_on_scikit_learns_side(make_table, family):
    """Thresholds lie half way between two values: next to a float32, where rows are dense."""
    table = make_table("binary")
    near = np.float32(1000.0)
    steps = [near]
    for _ in range(5):
        steps.append(np.nextafter(steps[-1], np.float32(2000.0)))
    for part in ("train", "validation", "test"):
        columns = dict(table.columns(part))
        draw = np.random.default_rng(len(part)).integers(0, len(steps), len(columns["y"]))
        columns["x (m)"] = np.array(steps, dtype=np.float32)[draw]
        columns["y"] = (draw % 2).astype(np.int32)
        rewritten(table, part, columns)
    trained = family.train(table, FEW[family.name])
    columns = table.columns("test")
    own = scores_of(
        by_sklearn(family, table, trained), wide_matrix(columns, table.layout), table.layout
    )
    np.testing.assert_allclose(trained.estimator.predict(columns), own, rtol=1e-4, atol=1e-5)
    assert ((own[:, 0] >= 0.5) == columns["y"]).mean() > 0.7


def test_rows_that_are_scored_otherwise_are_counted(make_table):
    table, family = make_table("binary"), SklearnForest()
    trained = family.train(table, FEW[family.name])
    other = family.train(table, {**FEW[family.name], "max_depth": 1})
    model = by_sklearn(family, table, trained)
    assert rows_scored_otherwise(table, model, other.estimator) > 100


def test_boosting_stops_when_the_validation_rows_show_no_gain(make_table):
    more = {**FEW["sklearn_boosting"], "max_iter": 400, "n_iter_no_change": 3, "learning_rate": 0.5}
    trained = SklearnBoosting().train(make_table("binary"), more)
    assert 1 <= trained.metrics["boosting_rounds"] < 400


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_native_model_loads_with_mlflow(make_table, family, experiment):
    table = make_table("binary")
    trained = family.train(table, FEW[family.name])
    with mlflow.start_run(experiment_id=experiment) as run:
        trained.log_native()
    (logged,) = mlflow.search_logged_models(
        experiment_ids=[experiment],
        filter_string=f"source_run_id = '{run.info.run_id}'",
        output_format="list",
    )
    loaded = mlflow.sklearn.load_model(logged.model_uri)
    columns = table.columns("test")
    own = scores_of(loaded, wide_matrix(columns, table.layout), table.layout)
    np.testing.assert_allclose(trained.estimator.predict(columns), own, rtol=1e-4, atol=1e-5)


def test_refuses_unknown_parameters_and_values(make_table):
    table = make_table("binary")
    with pytest.raises(UserError, match="has no parameter 'max_dept'; did you mean 'max_depth'"):
        SklearnForest().train(table, {"max_dept": 3})
    with pytest.raises(UserError, match="sklearn_forest refuses its parameters .*max_depth"):
        SklearnForest().train(table, {"max_depth": "deep"})


@pytest.mark.parametrize(
    ("family", "parameters", "sentence"),
    [
        (SklearnLinear(), {"solver": "liblinear"}, "The 'liblinear' solver does not support mult"),
        (SklearnForest(), {"bootstrap": False, "max_samples": 0.5}, "`max_sample` cannot be set"),
    ],
    ids=["solver", "max_samples"],
)
def test_refuses_values_that_do_not_go_together(make_table, family, parameters, sentence):
    with pytest.raises(UserError, match=rf"{family.name} refuses its parameters \({sentence}"):
        family.train(make_table("classes"), {**FEW[family.name], **parameters})


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_refuses_missing_values_in_whichever_part_they_are(make_table, part):
    table = make_table("binary")
    columns = dict(table.columns(part))
    missing = np.arange(len(columns["z"])) == 5
    columns["z"] = np.where(missing, np.float32(np.nan), columns["z"])
    rewritten(table, part, columns)
    sentence = f"sklearn_linear cannot take missing values, and 'z' has some in the {part} rows"
    with pytest.raises(UserError, match=sentence):
        SklearnLinear().train(table, {})
