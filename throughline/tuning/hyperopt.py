"""Hyperopt's search: every trial a child run, the loss on the validation rows."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from throughline.errors import UserError
from throughline.evaluation.decisions import decide
from throughline.evaluation.metrics import HIGHER_IS_BETTER, metrics
from throughline.models.families import FAMILIES
from throughline.models.family import Family, with_defaults
from throughline.prepared import PreparedTable
from throughline.recipe.candidates import Search
from throughline.tuning.space import hyperopt_space

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Best:
    """What a search found.

    Attributes:
        parameters: The parameters of the best trial, the recipe's fixed ones included.
        value: Its metric on the validation rows.
        trials: How many trials finished.
    """

    parameters: dict[str, Any]
    value: float
    trials: int


def search(table: PreparedTable, wanted: Search, max_evals: int) -> Best:
    """Searches with the tree-structured Parzen estimator (Bergstra et al., NIPS 2011).

    A trial that fails is a FAILED child run with its error, and the search goes on.

    Args:
        table: The prepared table; trials train on its training rows.
        wanted: The recipe's search.
        max_evals: How many trials to make.

    Raises:
        UserError: If the space is wrong, or every trial failed.
    """
    import numpy as np
    from hyperopt import STATUS_OK, Trials, fmin, space_eval, tpe
    from hyperopt.exceptions import AllTrialsFailed

    if wanted.family not in FAMILIES:
        raise UserError(f"A search cannot try the family {wanted.family}; use xgboost.")
    space = hyperopt_space(wanted.space)
    family = FAMILIES[wanted.family]
    with_defaults(family, table, {**wanted.parameters, **dict.fromkeys(space)})
    trials = Trials()
    objective = _Objective(table, family, dict(wanted.parameters), max_evals)
    try:
        found = fmin(
            objective,
            space,
            algo=tpe.suggest,
            max_evals=max_evals,
            trials=trials,
            rstate=np.random.default_rng(wanted.seed),
            show_progressbar=False,
            verbose=False,
        )
    except AllTrialsFailed:
        raise UserError(
            f"Every trial of the search failed; the first error was: {objective.first_error}"
        ) from None
    finished = [result for result in trials.results if result["status"] == STATUS_OK]
    best = {**wanted.parameters, **_plain(space_eval(space, found))}
    return Best(best, objective.best or 0.0, len(finished))


class _Objective:
    """Trains one candidate per call and keeps the best value so far."""

    def __init__(
        self, table: PreparedTable, family: Family, fixed: dict[str, Any], max_evals: int
    ) -> None:
        self.table = table
        self.family = family
        self.fixed = fixed
        self.max_evals = max_evals
        self.metric = table.recipe.metric
        self.sign = -1.0 if self.metric in HIGHER_IS_BETTER else 1.0
        self.validation = table.columns("validation")
        self.best: float | None = None
        self.first_error: Exception | None = None
        self.done = 0
        self.started = time.monotonic()

    def __call__(self, sampled: dict[str, Any]) -> dict[str, Any]:
        import mlflow
        from hyperopt import STATUS_FAIL, STATUS_OK

        parameters = {**self.fixed, **_plain(sampled)}
        name = f"trial {self.done + 1}"
        try:
            with mlflow.start_run(run_name=name, nested=True):
                mlflow.log_params(parameters)
                value = self._validation_value(parameters)
        except Exception as error:  # the search survives a trial, whatever went wrong in it
            logger.warning("%s failed: %s", name, error)
            self.first_error = self.first_error or error
            return {"status": STATUS_FAIL, "error": str(error)}
        finally:
            self.done += 1
        self._progress(value)
        return {"status": STATUS_OK, "loss": self.sign * value}

    def _validation_value(self, parameters: dict[str, Any]) -> float:
        import mlflow

        trained = self.family.train(self.table, parameters)
        scores = trained.estimator.predict(self.validation)
        layout = self.table.layout
        labels = self.validation[layout.label]
        rule = self.table.recipe.threshold
        decisions = decide(labels, scores[:, 0], rule) if layout.binary else None
        found = metrics(labels, scores, layout, decisions)
        mlflow.log_metrics({f"validation_{k}": v for k, v in found.items()} | trained.metrics)
        return found[self.metric]

    def _progress(self, value: float) -> None:
        if self.best is None or self.sign * value < self.sign * self.best:
            self.best = value
        left = (time.monotonic() - self.started) / self.done * (self.max_evals - self.done)
        logger.info(
            "trial %d of %d: %s %.4f, best %.4f, about %.0f s left",
            self.done, self.max_evals, self.metric, value, self.best, left,
        )  # fmt: skip


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Numpy's numbers as Python's own, which XGBoost and MLflow write the same."""
    return {name: v.item() if hasattr(v, "item") else v for name, v in values.items()}
