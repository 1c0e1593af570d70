"""Tiny histograms as SVG paths, for the cells of a table."""

import numpy as np

from throughline.report.histogram import Histogram

WIDTH = 110
HEIGHT = 24


def paths(histogram: Histogram | None) -> tuple[str, str] | None:
    """The outlines of the training rows (to be filled) and of the test rows, in a 110 x 24 box."""
    if histogram is None or not histogram.train.size:
        return None
    top = max(histogram.train.max(), histogram.test.max(), 1e-9)
    train, test = (np.round(part / top * HEIGHT, 1) for part in (histogram.train, histogram.test))
    step = round(WIDTH / len(train), 2)

    def stairs(heights: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> str:
        return " ".join(f"V{HEIGHT - height:g}h{step:g}" for height in heights)

    return f"M0 {HEIGHT}{stairs(train)}V{HEIGHT}z", f"M0 {HEIGHT}{stairs(test)}V{HEIGHT}"
