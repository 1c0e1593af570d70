"""A trained network as an ONNX graph, which is checked to say the same."""

import io
import warnings

import torch
from torch import Tensor, nn

from throughline.models.task_network import TaskNetwork

TOLERANCE = 1e-5
_OPSET = 17


class Scorer(nn.Module):
    """A network with its last step, from features to scores, on the CPU, as it is served."""

    def __init__(self, network: TaskNetwork) -> None:
        super().__init__()
        self.network = network.cpu()
        self.eval()

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Maps numeric, float32 [n, k], and categories, int64 [n, c], to scores [n, outputs]."""
        return self.network.scores(self.network(numeric, categories))


def network_graph(network: TaskNetwork) -> bytes:
    """The ONNX model of a network, compared with torch on random rows.

    It has the inputs ``numeric``, float32 [n, k], and ``categories``, int64 [n, c], and the output
    ``scores``, float32 [n, outputs]: probabilities, or the label's value for regression. Where the
    layout has no numeric or no categorical feature the input is still there, with width 0, and is
    not read: a caller passes both always.

    Args:
        network: The network; it is left in evaluation mode, on the CPU.

    Raises:
        RuntimeError: The graph's scores differ from torch's by more than 1e-5.
    """
    scorer = Scorer(network)
    graph = _with_unread_inputs(_exported(scorer))
    _check(scorer, graph)
    return graph


def random_rows(network: TaskNetwork, rows: int) -> tuple[Tensor, Tensor]:
    """Random numbers [rows, k] and random codes [rows, c] that the network can read."""
    generator = torch.Generator().manual_seed(rows)
    numeric = torch.randn(rows, len(network.layout.numeric), generator=generator)
    codes = [
        torch.randint(0, feature.cardinality or 1, (rows,), generator=generator)
        for feature in network.layout.categories
    ]
    categories = torch.stack(codes, dim=1) if codes else torch.empty((rows, 0), dtype=torch.int64)
    return numeric, categories


def _exported(scorer: Scorer) -> bytes:
    written = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs onnxscript, which the environment does not have.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            scorer,
            random_rows(scorer.network, 3),
            written,  # type: ignore[arg-type]  # this exporter takes a file too
            input_names=["numeric", "categories"],
            output_names=["scores"],
            dynamic_axes={name: {0: "n"} for name in ("numeric", "categories", "scores")},
            opset_version=_OPSET,
            dynamo=False,
        )
    return written.getvalue()


def _with_unread_inputs(graph: bytes) -> bytes:
    """Declares the inputs of width 0, which the exporter leaves out."""
    import onnx

    model = onnx.load_from_string(graph)
    present = {value.name for value in model.graph.input}
    types = {"numeric": onnx.TensorProto.FLOAT, "categories": onnx.TensorProto.INT64}
    for name in types.keys() - present:
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, types[name], ["n", 0]))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _check(scorer: Scorer, graph: bytes) -> None:
    import onnxruntime

    numeric, categories = random_rows(scorer.network, 257)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    feed = {"numeric": numeric.numpy(), "categories": categories.numpy()}
    found = torch.from_numpy(session.run(["scores"], feed)[0])
    with torch.no_grad():
        expected = scorer(numeric, categories)
    if not torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
        worst = float((found - expected).abs().max())
        raise RuntimeError(f"the graph's scores differ from torch's by up to {worst:.2g}")
