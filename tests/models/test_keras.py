"""The family keras: it learns, stops, repeats itself, and is served as Keras scores."""

import mlflow
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from throughline.errors import UserError
from throughline.features.plan import Plan
from throughline.models.estimator import OnnxEstimator
from throughline.models.keras import Keras
from throughline.models.keras_family import inputs_of
from throughline.models.keras_graph import keras_graph
from throughline.models.keras_network import build, keras_on, with_scores
from throughline.models.network_parameters import NetworkParameters
from throughline.prepared import PreparedTable

FEW = {"hidden": [16], "dropout": 0.0, "epochs": 12, "batch_size": 50, "learning_rate": 0.03}


@pytest.mark.parametrize(
    ("kind", "best"), [("binary", 0.15), ("classes", 0.25), ("regression", 60)]
)
def test_learns_each_task(make_table, kind, best):
    table = make_table(kind)
    trained = Keras().train(table, FEW)
    columns = table.columns("test")
    scores = trained.estimator.predict(columns)
    assert scores.shape == (200, table.layout.outputs)
    assert trained.metrics["rows_scored_otherwise"] == 0
    if kind == "regression":
        assert np.abs(scores[:, 0] - columns["y"]).mean() < best
        return
    said = scores.argmax(axis=1) if kind == "classes" else scores[:, 0] >= 0.5
    assert (said != columns["y"]).mean() < best


def test_the_same_seed_gives_the_same_figures(make_table):
    table = make_table("binary")
    few = {**FEW, "dropout": 0.2, "epochs": 2}
    first, again, other = (Keras().train(table, {**few, "seed": seed}) for seed in (7, 7, 8))
    assert first.metrics == again.metrics
    one, two, three = (t.estimator.predict(table.columns("test")) for t in (first, again, other))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - three).max() > 1e-3


def test_stops_when_the_validation_rows_show_no_gain_and_keeps_the_best(make_table):
    table = make_table("binary")
    trained = Keras().train(table, {**FEW, "epochs": 60, "patience": 2, "learning_rate": 0.1})
    figures = trained.metrics
    assert figures["epochs_run"] == figures["best_epoch"] + 2 < 60
    columns = table.columns("validation")
    probability = trained.estimator.predict(columns)[:, 0]
    likely = np.where(columns["y"] == 1, probability, 1 - probability)
    assert -np.log(likely).mean() == pytest.approx(figures["validation_loss"], rel=1e-4)


def test_weights_move_what_is_learnt(make_table):
    table = make_table("binary")
    rows = dict(table.columns("train"))

    def mean_probability(of_yes: float) -> float:
        weights = np.where(rows["y"] == 1, of_yes, 1.0).astype(np.float32)
        pq.write_table(
            pa.table({**rows, "__weight": weights}), table.output.path("train") + "/rows.parquet"
        )
        layout = table.layout.model_copy(update={"weight": "__weight"})
        table.output.write_text("plan.json", Plan(inputs=(), ops=(), layout=layout).to_json())
        trained = Keras().train(PreparedTable.open(table.output.uri), {**FEW, "epochs": 2})
        return float(trained.estimator.predict(table.columns("test")).mean())

    assert mean_probability(8.0) > mean_probability(1.0) + 0.05 > mean_probability(0.1) + 0.1


@pytest.mark.parametrize("only", ["numeric", "category"])
def test_a_layout_of_one_kind_of_features_is_served_too(make_table, make_layout, only):
    layout = make_layout("regression")
    features = tuple(feature for feature in layout.features if feature.kind == only)
    layout = layout.model_copy(update={"features": features})
    keras, target = keras_on("torch"), (1000.0, 20.0)
    network = build(keras, layout, NetworkParameters(hidden=()))
    columns = make_table("regression").columns("test")
    own = with_scores(keras, network, layout, target).predict(inputs_of(columns, layout), verbose=0)
    served = OnnxEstimator(keras_graph(network, layout, target), layout).predict(columns)
    np.testing.assert_allclose(served, own, rtol=1e-6)
    assert served.std() > 0.1


def test_the_native_model_loads_with_mlflow(make_table, experiment):
    table = make_table("classes")
    trained = Keras().train(table, {**FEW, "epochs": 1})
    with mlflow.start_run(experiment_id=experiment) as run:
        trained.log_native()
    loaded = mlflow.keras.load_model(f"runs:/{run.info.run_id}/native")
    columns = table.columns("test")
    own = loaded.predict(inputs_of(columns, table.layout), verbose=0)
    np.testing.assert_allclose(trained.estimator.predict(columns), own, atol=1e-5)


def test_refuses_unknown_parameters_values_and_another_backend(make_table):
    table = make_table("binary")
    with pytest.raises(UserError, match="has no parameter 'dropuot'; did you mean 'dropout'"):
        Keras().train(table, {"dropuot": 0.3})
    with pytest.raises(UserError, match="The keras's dropout cannot be 2: "):
        Keras().train(table, {"dropout": 2})
    with pytest.raises(UserError, match="not a number any more; train again with a learning rate"):
        Keras().train(table, {**FEW, "learning_rate": 1e30})
    with pytest.raises(UserError, match="runs Keras on torch, and cannot change to tensorflow"):
        keras_on("tensorflow")
