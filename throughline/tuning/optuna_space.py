"""Drawing from a recipe's space with Optuna, whose spaces are defined as they are drawn from."""

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from throughline.recipe.space import Choice, Distribution, Space, resolve

if TYPE_CHECKING:
    from optuna import Trial

QUANTILE = "quantile of "
"""Stands before the label of a normal distribution, of which Optuna draws the quantile."""


def drawn_by(trial: "Trial", space: Space) -> dict[str, Any]:
    """The parameters of a trial of Optuna's."""
    return resolve(space, lambda node: _draw(trial, node))


def _draw(trial: "Trial", node: Distribution | Choice) -> Any:
    if isinstance(node, Choice):
        return trial.suggest_categorical(node.label, range(len(node.options)))
    low, high, step = (*node.numbers, 0, 0)[:3]
    match node.kind:
        case "randint":
            low, high = (low, high) if len(node.numbers) > 1 else (0, low)
            return trial.suggest_int(node.label, int(low), int(high) - 1)
        case "uniform":
            return trial.suggest_float(node.label, low, high)
        case "loguniform":
            return trial.suggest_float(node.label, low, high, log=True)
        case "quniform":
            return _stepped(trial.suggest_float(node.label, low, high), step, node)
        case "qloguniform":
            return _stepped(trial.suggest_float(node.label, low, high, log=True), step, node)
    # Optuna has no normal distribution; it draws how far along one, short of the ends.
    quantile = trial.suggest_float(QUANTILE + node.label, 1e-6, 1 - 1e-6)
    value = NormalDist(low, high).inv_cdf(quantile)
    return math.exp(value) if node.kind == "lognormal" else value


def _stepped(value: float, step: float, node: Distribution) -> float:
    """As Hyperopt rounds: to a multiple of the step, up to half a step out of the bounds."""
    rounded = round(value / step) * step
    return int(rounded) if node.whole else rounded
