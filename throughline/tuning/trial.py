"""One trial: parameters, trained on the training rows and measured on the validation rows."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from throughline.evaluation.decisions import decide
from throughline.evaluation.metrics import HIGHER_IS_BETTER, metrics
from throughline.models.family import Watch, Watched
from throughline.prepared import KeptTable
from throughline.recipe.space import FAMILY
from throughline.recipe.threshold import ThresholdRule
from throughline.tuning.families import SEARCHED
from throughline.tuning.threads import threads_limited, threads_of

logger = logging.getLogger(__name__)

Status = Literal["FINISHED", "FAILED", "KILLED"]
"""As runs end; a trial that was ended early is KILLED."""


class Pruned(Exception):
    """Raised by whoever watches a trial that falls behind, to end it after so many rounds."""

    def __init__(self, rounds: int) -> None:
        super().__init__(f"fell behind after {rounds} rounds")
        self.rounds = rounds


@dataclass
class Trial:
    """A trial that ended.

    Attributes:
        number: From 0, in the order they were drawn.
        drawn: What was drawn, by the labels of the space; for the engine that resumes.
        parameters: The parameters, the fixed ones and the family included.
        status: How it ended.
        metrics: By name, ``validation_<metric>`` among them.
        value: The recipe's metric on the validation rows; None unless it finished.
        error: What went wrong, for people.
        started: In seconds since 1970.
        ended: Likewise.
    """

    number: int
    drawn: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    status: Status = "KILLED"
    metrics: dict[str, float] = field(default_factory=dict)
    value: float | None = None
    error: str = ""
    started: float = field(default_factory=time.time)
    ended: float = field(default_factory=time.time)


Record = Callable[[Trial], bool]
"""Takes a trial that has ended; says whether the search is to stop."""


@dataclass(frozen=True)
class Objective:
    """Trains and measures; it is small, and so it travels to Spark's workers.

    A worker reads the prepared table from where it is; one that makes several trials reads it once.

    Attributes:
        uri: Of the prepared table.
        fixed: Parameters that every trial has, the family's name among them.
        metric: The recipe's.
        threads: How many a trial may use; None for all that its family takes.
        alone: Whether no other trial runs in this process, whose pools then may be limited.
        rule: How the threshold is chosen; None for the rule of the recipe the table was made by.
    """

    uri: str
    fixed: Mapping[str, Any]
    metric: str
    threads: int | None = None
    alone: bool = True
    rule: ThresholdRule | None = None

    def __call__(self, drawn: Mapping[str, Any], watch: Watch | None = None) -> dict[str, Any]:
        """Runs a trial with the drawn parameters; the fields of a :class:`Trial` that it tells.

        A failure is told, not raised: a search goes on after it.
        """
        started = time.time()
        parameters = {**self.fixed, **drawn}
        told: dict[str, Any] = {"parameters": parameters, "started": started}
        try:
            found = self._measured(parameters, watch)
            told |= {"status": "FINISHED", "metrics": found}
            told["value"] = found[f"validation_{self.metric}"]
        except Pruned as reason:
            figures = {"rounds_run": float(reason.rounds)}
            told |= {"status": "KILLED", "error": str(reason), "metrics": figures}
        except Exception as error:
            logger.debug("a trial failed", exc_info=True)
            told |= {"status": "FAILED", "error": f"{type(error).__name__}: {error}"}
        return {**told, "ended": time.time()}

    def loss(self, value: float) -> float:
        """A metric's value as what an engine makes small."""
        return -value if self.metric in HIGHER_IS_BETTER else value

    def _measured(self, parameters: dict[str, Any], watch: Watch | None) -> dict[str, float]:
        table = _table(self.uri)
        given = {name: value for name, value in parameters.items() if name != FAMILY}
        family = SEARCHED[parameters[FAMILY]]
        with threads_limited(self.threads if self.alone else None):
            given |= threads_of(family.defaults(table), given, self.threads)
            began = time.monotonic()
            if watch is not None and isinstance(family, Watched):
                trained = family.train_watched(table, given, watch)
            else:
                trained = family.train(table, given)
            seconds = time.monotonic() - began
            columns = table.columns("validation")
            scores = trained.estimator.predict(columns)
        layout, labels = table.layout, columns[table.layout.label]
        rule = self.rule or table.recipe.threshold
        decisions = decide(labels, scores[:, 0], rule) if layout.binary else None
        found = metrics(labels, scores, layout, decisions)
        measured = {f"validation_{name}": value for name, value in found.items()}
        return {**measured, **trained.metrics, "training_seconds": seconds}


@lru_cache(maxsize=1)
def _table(uri: str) -> KeptTable:
    return KeptTable.open(uri)
