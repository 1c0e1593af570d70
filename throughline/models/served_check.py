"""Whether what is served scores rows as the library that trained it does."""

import logging

import numpy as np

from throughline.models.estimator import Scores
from throughline.prepared import Columns, PreparedTable

logger = logging.getLogger(__name__)

CHECKED_ROWS = 10_000
TOLERANCE = 1e-4


def first_test_rows(table: PreparedTable) -> Columns:
    """The first test rows, whose features are float32 as when the model is served."""
    return {name: values[:CHECKED_ROWS] for name, values in table.columns("test").items()}


def rows_apart(own: Scores, served: Scores) -> float:
    """How many rows are served a score more than 1e-4 from the library's own; logs a warning.

    Args:
        own: The library's own scores, (n, outputs).
        served: What is served for the same rows. Scores above 1 are compared by their ratio.
    """
    apart = ~(np.abs(own - served) <= TOLERANCE * np.maximum(1, np.abs(own)))
    count = int(apart.any(axis=1).sum())
    if count:
        logger.warning("%d of %d rows are scored differently when served", count, len(own))
    return float(count)
