"""Permutation importance: how much worse a model scores once a feature's values are shuffled.

Breiman, "Random forests", 2001; Fisher, Rudin and Dominici, "All models are wrong, but many are
useful", 2019. It asks the same of every family, and says what the scores rest on, not what the
label does: of two features that tell the same, each may look useless.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from throughline.evaluation.decisions import Decisions
from throughline.evaluation.metrics import HIGHER_IS_BETTER, Scores
from throughline.evaluation.weighted import measure_of
from throughline.features.layout import Layout
from throughline.models.estimator import Estimator

REPEATS = 3
MOST_ROWS = 5_000
FEWEST_ROWS = 500
WORK = 600_000
"""Rows scored in all; of many features fewer rows are taken."""

SEED = 7


@dataclass(frozen=True)
class Loss:
    """What shuffling a feature costs in the metric, positive if scores get worse.

    Attributes:
        mean: Over the repeats.
        deviation: The standard deviation over the repeats.
    """

    mean: float
    deviation: float


def permutation_importance(
    estimator: Estimator,
    columns: Mapping[str, npt.NDArray[np.generic]],
    layout: Layout,
    metric: str,
    decisions: Decisions | None = None,
    seed: int = SEED,
) -> dict[str, Loss]:
    """The loss of each feature, the greatest first.

    Args:
        estimator: The trained estimator.
        columns: Prepared rows: the features and the label; a sample of them is taken.
        layout: What the columns are.
        metric: The metric that tells the loss.
        decisions: Of a binary classification.
        seed: The same seed gives the same losses.

    Returns:
        Nothing if the sample does not define the metric.
    """
    draw = np.random.default_rng(seed)
    count = max(FEWEST_ROWS, min(MOST_ROWS, WORK // (REPEATS * len(layout.features))))
    rows = len(columns[layout.label])
    chosen = np.sort(draw.permutation(rows)[:count])
    sample = {name: values[chosen] for name, values in columns.items()}
    ones = np.ones(len(chosen))
    sign = 1 if metric in HIGHER_IS_BETTER else -1

    def figure(scores: Scores) -> float:
        return sign * measure_of(sample[layout.label], scores, layout, decisions)(ones)[metric]

    whole = figure(estimator.predict(sample))
    if np.isnan(whole):
        return {}
    found = {}
    repeated = {name: np.tile(values, REPEATS) for name, values in sample.items()}
    for feature in layout.features:  # all repeats in one call, which threaded libraries like better
        values = sample[feature.name]
        shuffled = np.concatenate([draw.permutation(values) for _ in range(REPEATS)])
        scores = estimator.predict({**repeated, feature.name: shuffled})
        losses = [whole - figure(part) for part in np.split(scores, REPEATS)]
        found[feature.name] = Loss(float(np.mean(losses)), float(np.std(losses)))
    return dict(sorted(found.items(), key=lambda item: -item[1].mean))
