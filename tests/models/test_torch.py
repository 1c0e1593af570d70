"""The family torch: it learns, stops, repeats itself, and is served as torch scores."""

import mlflow
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from throughline.errors import UserError
from throughline.features.assembly import split_matrices
from throughline.features.plan import Plan
from throughline.models.network_training import batches_of
from throughline.models.torch import Torch
from throughline.prepared import PreparedTable

FEW = {"hidden": [16], "dropout": 0.0, "epochs": 30, "batch_size": 50, "learning_rate": 0.02}


@pytest.mark.parametrize(
    ("kind", "best"), [("binary", 0.15), ("classes", 0.25), ("regression", 60)]
)
def test_learns_each_task(make_table, kind, best):
    table = make_table(kind)
    trained = Torch().train(table, FEW)
    columns = table.columns("test")
    scores = trained.estimator.predict(columns)
    assert scores.shape == (200, table.layout.outputs)
    assert trained.metrics["rows_scored_otherwise"] == 0
    if kind == "regression":
        assert np.abs(scores[:, 0] - columns["y"]).mean() < best
        return
    said = scores.argmax(axis=1) if kind == "classes" else scores[:, 0] >= 0.5
    assert (said != columns["y"]).mean() < best


def test_the_same_seed_gives_the_same_figures_and_leaves_others_draws_alone(make_table):
    table = make_table("binary")
    columns = table.columns("test")
    torch.manual_seed(5)
    wanted = torch.rand(1)
    torch.manual_seed(5)
    first, again, other = (
        Torch().train(table, {**FEW, "dropout": 0.2, "epochs": 3, "seed": seed})
        for seed in (7, 7, 8)
    )
    assert torch.rand(1) == wanted
    assert first.metrics == again.metrics
    one, two, three = (t.estimator.predict(columns) for t in (first, again, other))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - three).max() > 1e-3


def test_stops_when_the_validation_rows_show_no_gain_and_keeps_the_best(make_table):
    table = make_table("binary")
    more = {**FEW, "epochs": 60, "patience": 2, "learning_rate": 0.1}
    trained = Torch().train(table, more)
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
        trained = Torch().train(PreparedTable.open(table.output.uri), {**FEW, "epochs": 3})
        return float(trained.estimator.predict(table.columns("test")).mean())

    assert mean_probability(8.0) > mean_probability(1.0) + 0.05 > mean_probability(0.1) + 0.1


def test_batches_hold_every_row_once_and_never_a_single_one():
    for rows, size in ((2, 2), (3, 2), (7, 3), (100, 33), (10, 100)):
        batches = batches_of(rows, size)
        assert sorted(torch.cat(batches).tolist()) == list(range(rows))
        assert min(len(batch) for batch in batches) >= 2
        assert max(len(batch) for batch in batches) <= max(size, 3)  # three rows make one batch


def test_the_native_model_loads_with_mlflow(make_table, experiment):
    table = make_table("classes")
    trained = Torch().train(table, {**FEW, "epochs": 1})
    with mlflow.start_run(experiment_id=experiment) as run:
        trained.log_native()
    loaded = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/native")
    columns = table.columns("test")
    numeric, categories = split_matrices(columns, table.layout)
    with torch.no_grad():
        own = loaded(torch.from_numpy(numeric), torch.from_numpy(categories)).numpy()
    np.testing.assert_allclose(trained.estimator.predict(columns), own, atol=1e-5)


def test_refuses_unknown_parameters_and_values(make_table):
    table = make_table("binary")
    with pytest.raises(UserError, match="has no parameter 'dropuot'; did you mean 'dropout'"):
        Torch().train(table, {"dropuot": 0.3})
    with pytest.raises(UserError, match="The torch's dropout cannot be 2: "):
        Torch().train(table, {"dropout": 2})
    with pytest.raises(UserError, match="not a number any more; train again with a learning rate"):
        Torch().train(table, {**FEW, "learning_rate": 1e30})
