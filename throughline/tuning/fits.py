"""What came of the fits of Spark's validators: every set of parameters ends as a trial."""

import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.ml.evaluation import Evaluator

from throughline.errors import UserError
from throughline.tuning.progress import Progress
from throughline.tuning.trial import Trial

Ended = Callable[[Trial, Mapping[int, float]], object]
"""Takes a set of parameters that was fitted in all folds, and the metric of each."""

_LONGEST_REASON = 300


@dataclass(frozen=True)
class At:
    """Which fit it is: its fold, the place of its parameters, and when it began."""

    fold: int
    place: int
    began: float


class Fits:
    """Counts the fits, from any thread.

    Args:
        sets: The sets of parameters, in the order of the grid.
        folds: How many folds there are.
        metric: The recipe's.
        ended: Takes each set that has ended.
    """

    def __init__(
        self, sets: Sequence[dict[str, Any]], folds: int, metric: str, ended: Ended
    ) -> None:
        self.trials: dict[int, Trial] = {}
        self._sets, self._folds, self._metric, self._ended = list(sets), folds, metric, ended
        self._values: dict[int, dict[int, float]] = {place: {} for place in range(len(sets))}
        self._seconds = dict.fromkeys(self._values, 0.0)
        self._began: dict[int, float] = {}
        self._progress = Progress("fit", len(sets) * folds, metric)
        self._lock = threading.Lock()

    def has_failed(self, place: int) -> bool:
        """Whether a fit with these parameters failed: the other folds need not be tried."""
        with self._lock:
            return place in self.trials and self.trials[place].status == "FAILED"

    def measured(self, at: At, value: float) -> None:
        """Takes the metric of a fit."""
        with self._lock:
            self._progress.tell(value)
            self._note(at)
            self._values[at.place][at.fold] = value
            values = list(self._values[at.place].values())
            if len(values) == self._folds:
                mean, deviation = statistics.fmean(values), statistics.pstdev(values)
                figures = {f"mean_{self._metric}": mean, f"std_{self._metric}": deviation}
                figures["training_seconds"] = self._seconds[at.place]
                self._end(at.place, status="FINISHED", value=mean, metrics=figures)

    def failed(self, at: At, error: Exception) -> None:
        """Takes what went wrong with a fit; its parameters are not tried in other folds."""
        with self._lock:
            if at.place in self.trials:
                return
            reason = reason_of(error)
            self._progress.tell(None, reason)
            self._note(at)
            self._end(at.place, status="FAILED", error=reason)

    def check_some_finished(self) -> None:
        """Raises a UserError with the first error if every set of parameters failed."""
        ended = [self.trials[place] for place in sorted(self.trials)]
        if len(ended) == len(self._sets) and all(trial.status == "FAILED" for trial in ended):
            raise UserError(
                f"Every set of parameters of the grid failed; the first error was: {ended[0].error}"
            )

    def _note(self, at: At) -> None:
        self._began.setdefault(at.place, time.time() - (time.monotonic() - at.began))
        self._seconds[at.place] += time.monotonic() - at.began

    def _end(self, place: int, **fields: Any) -> None:
        parameters, began = self._sets[place], self._began[place]
        trial = Trial(place, parameters=parameters, started=began, ended=time.time(), **fields)
        self.trials[place] = trial
        self._ended(trial, self._values[place])


class Recorded(Evaluator):
    """An evaluator of Spark's that tells :class:`Fits` what it found.

    A model that came of no fit is the worst there can be.

    Attributes:
        here: The fit that a thread evaluates, as its model said on transforming.
    """

    def __init__(self, evaluator: Any, fits: Fits, here: threading.local) -> None:
        super().__init__()
        self.evaluator, self.fits, self.here = evaluator, fits, here

    def _evaluate(self, dataset: Any) -> float:
        at: At = self.here.at
        if not self.fits.has_failed(at.place):
            try:
                value = float(self.evaluator.evaluate(dataset))
            except Exception as error:  # the other sets of parameters survive it
                self.fits.failed(at, error)
            else:
                self.fits.measured(at, value)
                return value
        return float("-inf") if self.isLargerBetter() else float("inf")

    def isLargerBetter(self) -> bool:  # noqa: N802 (Spark's name)
        """As the evaluator has it."""
        return bool(self.evaluator.isLargerBetter())


def reason_of(error: Exception) -> str:
    """What went wrong with a fit, in a line; Java's own stack traces are left out."""
    text = str(error)
    if "while assembling a row" in text:
        return (
            "a plan that was learnt anew in a fold leaves features missing; use fewer folds, or "
            "impute what comes of the label's means"
        )
    java = getattr(error, "java_exception", None)
    message = str(java.getMessage() if java is not None else text)
    first = next((line.strip() for line in message.splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first[:_LONGEST_REASON]}"
