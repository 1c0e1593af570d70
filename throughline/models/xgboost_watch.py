"""Tells whoever watches how XGBoost's boosting goes."""

from typing import Any

from xgboost.callback import TrainingCallback

from throughline.models.family import Watch

EVERY = 10
"""Rounds between what is told."""

_GREATER_IS_BETTER = ("auc", "aucpr", "map", "ndcg", "pre")


class _Watching(TrainingCallback):
    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        """Tells the validation loss by the last of XGBoost's metrics, which stops the boosting."""
        if (epoch + 1) % EVERY == 0:
            ((metric, values),) = list(evals_log["validation"].items())[-1:]
            sign = -1 if metric.split("@")[0] in _GREATER_IS_BETTER else 1
            self.watch(epoch + 1, sign * float(values[-1]))
        return False


def watching(watch: Watch) -> TrainingCallback:
    """A callback of XGBoost that tells the loss on the part ``validation`` every ten rounds."""
    return _Watching(watch)
