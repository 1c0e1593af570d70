"""Training rows with weights; validation rows never have any."""

import math

import pyarrow as pa
import pytest
import torch

from throughline.distributed.checkpoint import load_network
from throughline.distributed.job_folder import JobFolder
from throughline.distributed.process import launch
from throughline.models.network import TabularNetwork
from throughline.models.network_batch import columns, concatenate, from_arrow
from throughline.models.network_parameters import NetworkParameters


def weighted(table: pa.Table, of_late: float, of_others: float = 1.0) -> pa.Table:
    weights = [of_late if late else of_others for late in table["late"].to_pylist()]
    return table.append_column("__weight", pa.array(weights, pa.float32()))


@pytest.fixture
def with_weight(make_layout):
    return make_layout().model_copy(update={"weight": "__weight"})


def test_a_batch_carries_the_weights(make_rows, make_layout, with_weight):
    table = weighted(make_rows(6, 0), 3.0)
    batch = from_arrow(table, with_weight)
    assert columns(with_weight) == [*columns(make_layout()), "__weight"]
    assert batch.weight[:, 0].tolist() == table["__weight"].to_pylist()
    assert batch.total_weight.item() == sum(table["__weight"].to_pylist())
    twice = concatenate([batch.slice(0, 2), batch.take(torch.tensor([5]))])
    assert twice.weight[:, 0].tolist() == [table["__weight"][i].as_py() for i in (0, 1, 5)]
    plain = from_arrow(table, make_layout())
    assert plain.weight.shape == (6, 0)
    assert plain.total_weight.item() == 6.0


def test_the_loss_of_two_classes_by_hand(make_layout):
    network = TabularNetwork(make_layout(), NetworkParameters())
    logits, label = torch.tensor([[0.0], [2.0]]), torch.tensor([1, 0])
    loss = network.loss(logits, label, torch.tensor([[3.0], [1.0]]))
    assert loss.item() == pytest.approx((3 * math.log(2) + math.log(1 + math.exp(2))) / 2)
    ones, none = torch.ones(2, 1), torch.empty(2, 0)
    assert network.loss(logits, label, ones).item() == pytest.approx(
        network.loss(logits, label).item()
    )
    assert network.loss(logits, label, none) == network.loss(logits, label)


def test_the_loss_of_three_classes_by_hand(make_layout):
    network = TabularNetwork(make_layout("third"), NetworkParameters())
    logits = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    loss = network.loss(logits, torch.tensor([2, 0]), torch.tensor([[4.0], [0.5]]))
    second = math.log(math.e + 2) - 1
    assert loss.item() == pytest.approx((4 * math.log(3) + 0.5 * second) / 2)


def test_the_training_loss_is_the_weighted_mean(
    make_job, make_rows, write_rows, with_weight, tmp_path
):
    table = make_rows(1000, 5)
    late = sum(table["late"].to_pylist())

    def train_loss(of_late: float, of_others: float = 1.0) -> float:
        rows = weighted(table, of_late, of_others)
        folder = write_rows(rows, tmp_path / f"{of_late} {of_others}", group_rows=250)
        still = {"epochs": 1, "learning_rate": 1e-12, "network": {"dropout": 0.0, "hidden": [8]}}
        output = str(tmp_path / f"output {of_late} {of_others}")
        job = make_job(train=str(folder), layout=with_weight, output=output, **still)
        return launch(job).history[0].train_loss

    equal, three, two = train_loss(1.0), train_loss(3.0), train_loss(2.0)
    assert train_loss(2.5, 2.5) == pytest.approx(equal, rel=1e-5)
    of_late = (three * (1000 + 2 * late) - equal * 1000) / 2
    assert two == pytest.approx((equal * 1000 + of_late) / (1000 + late), rel=1e-5)
    assert three != pytest.approx(equal, rel=1e-3)


def test_weights_move_what_is_learnt(make_job, make_rows, write_rows, with_weight, tmp_path):
    batch = from_arrow(make_rows(1000, 2), with_weight.model_copy(update={"weight": None}))

    def mean_probability(of_late: float) -> float:
        rows = weighted(make_rows(1000, 5), of_late)
        folder = write_rows(rows, tmp_path / f"{of_late}", group_rows=250)
        output = str(tmp_path / f"output {of_late}")
        launch(make_job(train=str(folder), layout=with_weight, epochs=2, output=output))
        network = load_network(JobFolder(output))
        return network.scores(network(batch.numeric, batch.categories)).mean().item()

    assert mean_probability(8.0) > mean_probability(1.0) + 0.05 > mean_probability(0.1) + 0.1
