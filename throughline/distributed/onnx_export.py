"""Writing a trained network as an ONNX file, and checking that it says the same."""

import os
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from throughline.distributed.network import TabularNetwork

TOLERANCE = 1e-5
_OPSET = 17


class _Scorer(nn.Module):
    """The network with its last step, from logits to scores."""

    def __init__(self, network: TabularNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        return self.network.scores(self.network(numeric, categories))


def export_onnx(network: TabularNetwork, path: str | Path) -> Path:
    """Writes a network as ONNX and compares it with torch on random rows.

    The file has the inputs ``numeric``, float32 [n, k], and ``categories``, int64 [n, c], and the
    output ``scores``, float32 [n, outputs]: probabilities, or the label's value for regression.
    Where the layout has no numeric or no categorical feature the input is still there, with width
    0, and is not read: a caller passes both always.

    Args:
        network: The network; it is left in evaluation mode, on the CPU.
        path: The file to write; it appears only after the check.

    Raises:
        RuntimeError: The file's scores differ from torch's by more than 1e-5.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.draft")
    scorer = _Scorer(network.cpu()).eval()
    try:
        _export(scorer, draft)
        _add_unread_inputs(network, draft)
        _check(scorer, draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def random_rows(network: TabularNetwork, rows: int) -> tuple[Tensor, Tensor]:
    """Random numbers [rows, k] and random codes [rows, c] that the network can read."""
    generator = torch.Generator().manual_seed(rows)
    numeric = torch.randn(rows, len(network.layout.numeric), generator=generator)
    codes = [
        torch.randint(0, feature.cardinality or 1, (rows,), generator=generator)
        for feature in network.layout.categories
    ]
    categories = torch.stack(codes, dim=1) if codes else torch.empty((rows, 0), dtype=torch.int64)
    return numeric, categories


def _export(scorer: _Scorer, path: Path) -> None:
    with warnings.catch_warnings():
        # The newer exporter needs onnxscript, which the environment does not have.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            scorer,
            random_rows(scorer.network, 3),
            str(path),
            input_names=["numeric", "categories"],
            output_names=["scores"],
            dynamic_axes={name: {0: "n"} for name in ("numeric", "categories", "scores")},
            opset_version=_OPSET,
            dynamo=False,
        )


def _add_unread_inputs(network: TabularNetwork, path: Path) -> None:
    """Declares the inputs of width 0, which the exporter leaves out."""
    import onnx

    model = onnx.load(path)
    present = {value.name for value in model.graph.input}
    types = {"numeric": onnx.TensorProto.FLOAT, "categories": onnx.TensorProto.INT64}
    for name in types.keys() - present:
        model.graph.input.append(onnx.helper.make_tensor_value_info(name, types[name], ["n", 0]))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _check(scorer: _Scorer, path: Path) -> None:
    import onnxruntime

    numeric, categories = random_rows(scorer.network, 257)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed = {"numeric": numeric.numpy(), "categories": categories.numpy()}
    found = torch.from_numpy(session.run(["scores"], feed)[0])
    with torch.no_grad():
        expected = scorer(numeric, categories)
    if not torch.allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE):
        worst = float((found - expected).abs().max())
        raise RuntimeError(f"the ONNX file's scores differ from torch's by up to {worst:.2g}")
