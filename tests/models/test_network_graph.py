import numpy as np
import onnxruntime
import pytest
import torch

from throughline.models.network import TabularNetwork
from throughline.models.network_graph import network_graph, random_rows
from throughline.models.network_parameters import NetworkParameters


def of_kind(layout, kind):
    return layout.model_copy(
        update={"features": tuple(f for f in layout.features if f.kind == kind)}
    )


def check(network: TabularNetwork) -> None:
    session = onnxruntime.InferenceSession(network_graph(network))
    assert sorted(i.name for i in session.get_inputs()) == ["categories", "numeric"]
    for count in (1, 100):
        numeric, categories = random_rows(network, count)
        feed = {"numeric": numeric.numpy(), "categories": categories.numpy()}
        (scores,) = session.run(["scores"], feed)
        with torch.no_grad():
            expected = network.scores(network(numeric, categories)).numpy()
        assert scores.dtype == np.float32
        np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["binary", "classes", "regression"])
def test_the_graph_says_the_same_as_torch(make_layout, kind):
    network = TabularNetwork(make_layout(kind), NetworkParameters(hidden=(16, 16)))
    network.set_target(1e6, 40.0)
    network(*random_rows(network, 64))  # moves the running statistics of batch norm
    check(network)


@pytest.mark.parametrize("kind", ["numeric", "category"])
def test_an_input_without_columns_is_there_and_not_read(make_layout, kind):
    layout = of_kind(make_layout("binary"), kind)
    check(TabularNetwork(layout, NetworkParameters(hidden=(8,))))
