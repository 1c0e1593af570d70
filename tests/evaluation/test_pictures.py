import io

import numpy as np
import pytest

from throughline.features.layout import Layout
from throughline.models.pictures import curves, importance_chart

DRAW = np.random.default_rng(7)


@pytest.mark.parametrize(
    ("classes", "panels"), [(("no", "yes"), 4), (("a", "b", "c"), 1), (None, 2)]
)
def test_one_picture_per_part(classes, panels):
    task = "classification" if classes else "regression"
    layout = Layout(features=(), label="y", task=task, classes=classes)
    labels = DRAW.integers(0, len(classes), 80) if classes else DRAW.normal(size=80)
    figure = curves(labels, DRAW.random((80, layout.outputs)), layout, threshold=0.5)
    assert len(figure.axes) == panels
    assert all(axes.get_title() for axes in figure.axes)
    png = io.BytesIO()
    figure.savefig(png)
    assert png.getvalue().startswith(b"\x89PNG")


def test_constant_scores_still_make_a_picture():
    layout = Layout(features=(), label="y", task="classification", classes=("no", "yes"))
    labels = np.array([0, 1] * 10)
    assert len(curves(labels, np.full((20, 1), 0.3), layout, threshold=0.5).axes) == 4


def test_importances_are_shares_with_the_greatest_on_top():
    importances = {f"feature {i}": float(i) for i in range(40)}
    (axes,) = importance_chart(importances, most=10).axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(
        [i / sum(range(40)) for i in range(30, 40)]
    )
    assert axes.get_yticklabels()[-1].get_text() == "feature 39"
    importance_chart({"nothing": 0.0})
