"""How a search or a grid goes on, in a line of the log for each trial or fit."""

import logging
import threading
import time
from collections.abc import Sequence

from throughline.evaluation.metrics import better

logger = logging.getLogger(__name__)


class Progress:
    """Tells what is done, the best so far, and about how long the rest takes.

    Args:
        what: What there are many of, as in ``trial``.
        total: How many there will be.
        metric: What their values are.
        before: The values of those there were before.
    """

    def __init__(
        self, what: str, total: int, metric: str, before: Sequence[float | None] = ()
    ) -> None:
        self.what, self.total, self.metric = what, total, metric
        self.done = self.since_best = 0
        self.best: float | None = None
        for value in before:
            self._count(value)
        self._before = self.done
        self._started = time.monotonic()
        self._one_at_a_time = threading.Lock()

    def tell(self, value: float | None, failure: str = "") -> None:
        """Counts one that has ended, with its value, or with what went wrong; from any thread."""
        with self._one_at_a_time:
            self._count(value)
            self._log(value, failure)

    def _count(self, value: float | None) -> None:
        self.done += 1
        self.since_best += 1
        if value is not None and (self.best is None or better(self.metric, value, self.best)):
            self.best, self.since_best = value, 0

    def _log(self, value: float | None, failure: str) -> None:
        shown = failure if value is None else f"{self.metric} {value:.4f}"
        best = "none yet" if self.best is None else f"{self.best:.4f}"
        each = (time.monotonic() - self._started) / (self.done - self._before)
        logger.log(
            logging.INFO if value is not None else logging.WARNING,
            "%s %d of %d: %s, best %s, about %.0f s left",
            self.what, self.done, self.total, shown, best, each * (self.total - self.done),
        )  # fmt: skip
