import numpy as np
import pytest

from throughline.evaluation.decisions import Decisions
from throughline.evaluation.evaluation import PartEvaluation
from throughline.evaluation.measured import measured
from throughline.evaluation.part import Part
from throughline.evaluation.permutation import Loss
from throughline.evaluation.pictures import draw_importances, draw_part, draw_slices
from throughline.evaluation.slices import Slice
from throughline.features.layout import Layout

DRAW = np.random.default_rng(7)
TWO, THREE = ("no", "$yes$"), ("a", "b", "c")


def is_picture(path):
    width = int.from_bytes(path.read_bytes()[16:20], "big")
    return path.read_bytes().startswith(b"\x89PNG") and width > 600


@pytest.mark.parametrize("classes", [TWO, THREE, tuple("abcdefghijklm"), None])
@pytest.mark.parametrize("constant", [False, True])
def test_one_picture_per_part(classes, constant, tmp_path):
    task = "classification" if classes else "regression"
    layout = Layout(features=(), label="y", task=task, classes=classes)
    labels = np.arange(80) % len(classes) if classes else DRAW.normal(size=80)
    shape = (80, layout.outputs)
    scores = np.full(shape, 0.3) if constant else DRAW.random(shape)
    decisions = Decisions(0.5) if layout.binary else None
    part = Part("test", None, labels, np.arange(80))
    found = PartEvaluation(
        part, scores, measured(labels, scores, layout, decisions, part.blocks), []
    )
    draw_part(found, layout, decisions, tmp_path / "part.png")
    assert is_picture(tmp_path / "part.png")


@pytest.mark.parametrize(
    ("losses", "own"),
    [
        ({f"feature {i}": Loss(i / 100, 0.01) for i in range(40)}, {"a": 0.0}),
        ({}, {f"a very long name of a feature that goes on and on {i}": 1.0 for i in range(3)}),
        ({"a": Loss(-0.1, 0.0)}, {}),
    ],
)
def test_importances(losses, own, tmp_path):
    draw_importances(losses, own, "roc_auc", tmp_path / "importances.png")
    assert is_picture(tmp_path / "importances.png")


def test_slices_of_which_one_has_no_interval_and_one_no_metric(tmp_path):
    slices = [
        Slice("c", "a", 300, False, {"rmse": 2.0}, (1.5, 2.5)),
        Slice("c", "b", 3, True, {"rmse": 9.0}, None),
        Slice("c", "d", 1, True, {}, None),
    ]
    draw_slices(slices, 2.2, "rmse", tmp_path / "slices.png")
    assert is_picture(tmp_path / "slices.png")
