"""What moved a row's score: the largest contributions, summed per raw column."""

from typing import Protocol, runtime_checkable

import numpy as np

from throughline.features.plan import Plan
from throughline.models.estimator import Columns, Scores

MOST = 5


@runtime_checkable
class Explaining(Protocol):
    """An estimator that may tell what each feature adds."""

    def contributions(self, columns: Columns) -> Scores | None:
        """What each feature adds to the margin (log-odds, or the value), in the layout's order.

        Returns:
            An array of shape (n, outputs, features); None if this estimator cannot tell.
        """
        ...


def top_contributions(added: Scores, scores: Scores, plan: Plan) -> list[dict[str, float]]:
    """For each of n rows the raw columns that add the most to its score, greatest first.

    Args:
        added: What each feature adds, of shape (n, outputs, features).
        scores: The scores, of shape (n, outputs); of several classes the most likely one counts.
        plan: The plan; a feature made of several raw columns counts for all of them together.
    """
    chosen = added[np.arange(len(added)), scores.argmax(axis=1)]
    columns: dict[str, list[int]] = {}
    for place, feature in enumerate(plan.layout.features):
        origin = plan.origins.get(feature.name)
        name = " and ".join(origin.columns) if origin else feature.name
        columns.setdefault(name, []).append(place)
    names = list(columns)
    sums = np.stack([chosen[:, places].sum(axis=1) for places in columns.values()], axis=1)
    first = np.argsort(-np.abs(sums), axis=1, kind="stable")[:, :MOST]
    return [
        {names[k]: float(row[k]) for k in order} for row, order in zip(sums, first, strict=True)
    ]
