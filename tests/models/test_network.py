import pytest
import torch

from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.models.network import Block, TabularNetwork
from throughline.models.network_graph import random_rows
from throughline.models.network_parameters import (
    NetworkParameters,
    embedding_size,
    shape_and_training,
)


@pytest.mark.parametrize(("kind", "outputs"), [("binary", 1), ("classes", 3), ("regression", 1)])
def test_the_three_tasks_have_their_shapes_and_a_loss(make_layout, kind, outputs):
    network = TabularNetwork(make_layout(kind), NetworkParameters(hidden=(16, 8)))
    logits = network(*random_rows(network, 12))
    target = torch.arange(12) % 2 if kind != "regression" else torch.arange(12.0).double()
    loss = network.loss(logits, target)
    loss.backward()
    assert logits.shape == network.scores(logits).shape == (12, outputs)
    assert loss.shape == ()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_probabilities_are_probabilities(make_layout):
    binary = TabularNetwork(make_layout("binary"), NetworkParameters())
    assert binary.scores(torch.tensor([[0.0]])).item() == 0.5
    classes = TabularNetwork(make_layout("classes"), NetworkParameters())
    assert classes.scores(torch.randn(5, 3)).sum(dim=1).tolist() == pytest.approx([1.0] * 5)


def test_regression_learns_the_standardised_label(make_layout):
    network = TabularNetwork(make_layout("regression"), NetworkParameters())
    network.set_target(mean=100.0, deviation=20.0)
    logits = torch.tensor([[0.0], [1.0]])
    label = torch.tensor([100.0, 120.0], dtype=torch.float64)
    assert network.scores(logits)[:, 0].tolist() == [100.0, 120.0]
    assert network.loss(logits, label).item() == 0.0
    assert network.metrics(logits, label + 3)["squared_error"] == pytest.approx(9.0)


def test_embedding_sizes_follow_the_rules():
    fastai, half = NetworkParameters(), NetworkParameters(embedding_rule="half")
    assert [embedding_size(n, fastai) for n in (1, 3, 100, 10**6)] == [2, 3, 21, 50]
    assert [embedding_size(n, half) for n in (1, 3, 100, 10**6)] == [1, 2, 50, 50]


def test_a_hidden_block_is_at_least_one_wide():
    with pytest.raises(UserError, match="The torch's hidden.1 cannot be -5"):
        shape_and_training("torch", {"hidden": [8, -5]})


def test_a_block_of_equal_widths_adds_its_input():
    values = torch.randn(4, 6)
    for equal, outputs in [(True, 6), (False, 5)]:
        block = Block(6, outputs, NetworkParameters(dropout=0.0)).eval()
        expected = block.layers(values) + values if equal else block.layers(values)
        assert torch.equal(block(values), expected)


def test_a_layout_without_features_is_an_error():
    with pytest.raises(UserError, match="at least one feature"):
        TabularNetwork(
            Layout(features=(), label="y", task="regression"), parameters=NetworkParameters()
        )
