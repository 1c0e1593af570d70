"""How much each feature of a linear model matters."""

import numpy as np

from throughline.features.assembly import wide_names
from throughline.models.dense_graph import Weights
from throughline.prepared import PreparedTable


def linear_importances(weights: Weights, table: PreparedTable) -> dict[str, float]:
    """The size of a feature's share of the margin: weight times deviation, over all its columns."""
    columns = table.columns("validation")
    found: dict[str, float] = {}
    for name, weight in zip(wide_names(table.layout), np.abs(weights).mean(axis=1), strict=True):
        feature, _, code = name.rpartition("=") if name not in columns else (name, "", "")
        values = columns[feature] == int(code) if code else columns[feature]
        found[feature] = found.get(feature, 0.0) + float(weight * np.std(values))
    return found
