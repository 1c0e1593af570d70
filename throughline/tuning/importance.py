"""Which parameters the trials' values depend on most."""

from collections.abc import Sequence
from typing import Any

from throughline.tuning.trial import Trial

FEWEST = 4
"""Of fewer finished trials nothing is told."""


def importances(trials: Sequence[Trial], seed: int = 7) -> dict[str, float]:
    """The share of the values' variance that each parameter explains, the greatest first.

    Source: functional ANOVA (Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing
    hyperparameter importance", ICML 2014), as Optuna has it.

    Args:
        trials: Those that did not finish are left out, and so are parameters that not all of the
            others have, or that are the same in all of them.
        seed: Of the forest that is fitted.

    Returns:
        Empty where there are fewer than :data:`FEWEST` finished trials, or they are all alike.
    """
    import optuna

    finished = [trial for trial in trials if trial.value is not None]
    names = varied(finished)
    if len(finished) < FEWEST or not names or len({trial.value for trial in finished}) < 2:
        return {}
    distributions = {name: _distribution([t.parameters[name] for t in finished]) for name in names}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study()
        for trial in finished:
            study.add_trial(
                optuna.trial.create_trial(
                    params={n: _value(trial.parameters[n], distributions[n]) for n in names},
                    distributions=distributions,
                    value=trial.value,
                )
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    finally:
        optuna.logging.set_verbosity(verbosity)


def varied(trials: Sequence[Trial]) -> list[str]:
    """The parameters that all trials have, with different values."""
    if not trials:
        return []
    names = [name for name in trials[0].parameters if all(name in t.parameters for t in trials)]
    return [name for name in names if len({str(t.parameters[name]) for t in trials}) > 1]


def is_number(value: Any) -> bool:
    """Whether a parameter's value has its place on a scale."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distribution(values: Sequence[Any]) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if all(map(is_number, values)):
        return FloatDistribution(min(values), max(values))
    return CategoricalDistribution(sorted({str(value) for value in values}))


def _value(value: Any, distribution: Any) -> Any:
    return value if hasattr(distribution, "low") else str(value)
