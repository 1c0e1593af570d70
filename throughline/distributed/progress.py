"""What the first worker tells a person and the tracking run while it trains."""

import logging
import time
from collections.abc import Iterator
from typing import Any

from torch import Tensor

from throughline.distributed.job import EpochRecord, TrainingJob
from throughline.distributed.throughput import slow_worker, worker_metrics
from throughline.login import without_login

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 10.0
_STEPS_TO_LOG = 100
"""So many steps of an epoch are logged at most, the last of equal stretches."""
_BATCH = 1000
"""The most metrics of one request to MLflow (its REST API's limit)."""


class Progress:
    """Progress lines and MLflow metrics of one training; silent on every worker but the first.

    Args:
        job: The training.
        steps: The steps of an epoch.
        done: The epochs that ran before.
        speaks: Whether this worker is the first.
    """

    def __init__(self, job: TrainingJob, steps: int, done: int, speaks: bool) -> None:
        self.job, self.steps, self.done, self.speaks = job, steps, done, speaks
        self.started = self.last_line = time.monotonic()
        self._client: Any = None

    def step(self, epoch: int, step: int) -> None:
        """Says how far a long epoch is, at most every ten seconds; both numbers from 1."""
        if not self.speaks:
            return
        now = time.monotonic()
        if now - self.last_line >= _SECONDS_BETWEEN_LINES:
            self.last_line = now
            logger.info(
                "epoch %d of %d: step %d of %d, %s",
                epoch,
                self.job.epochs,
                step,
                self.steps,
                self._left(epoch - 1 + step / self.steps),
            )

    def epoch(self, record: EpochRecord, best_epoch: int, figures: Tensor) -> None:
        """Says what an epoch reached, and logs it to the tracking run.

        Args:
            record: The epoch.
            best_epoch: The best one so far.
            figures: Sums over all workers' rows for each step, [4, steps]: losses, weights,
                agreement, rows.
        """
        if not self.speaks:
            return
        self.last_line = time.monotonic()
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in record.validation.items())
        logger.info(
            "epoch %d of %d: train loss %.4f, validation %s (best in epoch %d), %s rows/s, %s",
            record.epoch,
            self.job.epochs,
            record.train_loss,
            metrics,
            best_epoch,
            f"{record.rows_per_second:,.0f}",
            self._left(record.epoch),
        )
        if slow := slow_worker(record.workers):
            logger.warning("%s", slow)
        self._track(record, figures)

    def _left(self, epochs_done: float) -> str:
        spent = time.monotonic() - self.started
        left = spent / (epochs_done - self.done) * (self.job.epochs - epochs_done)
        return f"at most {left:.0f} s left" if left >= 1 else "done"

    def _track(self, record: EpochRecord, figures: Tensor) -> None:
        """Logs an epoch; a tracking store that fails must not end a training."""
        if self.job.run_id is None:
            return
        try:
            self._log(self.job.run_id, record, figures)
        except Exception as error:
            reason = without_login(str(error))
            logger.warning("epoch %d was not logged to MLflow: %s", record.epoch, reason)

    def _log(self, run_id: str, record: EpochRecord, figures: Tensor) -> None:
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        self._client = self._client or MlflowClient()
        now = int(time.time() * 1000)
        entries = [Metric(name, v, now, record.epoch) for name, v in _metrics(record).items()]
        error = "rmse" if self.job.layout.task == "regression" else "accuracy"
        for step, loss, agreement in _of_steps(figures):
            number = (record.epoch - 1) * figures.shape[1] + step
            right = agreement**0.5 if error == "rmse" else agreement
            entries += [
                Metric("step_loss", loss, now, number),
                Metric(f"step_{error}", right, now, number),
            ]
        for start in range(0, len(entries), _BATCH):
            self._client.log_batch(run_id, metrics=entries[start : start + _BATCH])


def _metrics(record: EpochRecord) -> dict[str, float]:
    return {
        "train_loss": record.train_loss,
        "learning_rate": record.learning_rate,
        "rows_per_second": record.rows_per_second,
        "wait_seconds": record.wait_seconds,
        **{f"validation_{name}": value for name, value in record.validation.items()},
        **worker_metrics(record.workers),
    }


def _of_steps(figures: Tensor) -> Iterator[tuple[int, float, float]]:
    """The number of a step, from 1, its loss and its agreement, for some of an epoch's steps."""
    losses = (figures[0] / figures[1]).tolist()
    agreements = (figures[2] / figures[3]).tolist()
    steps = len(losses)
    every = -(-steps // _STEPS_TO_LOG)
    for index in range(every - 1, steps, every):
        yield index + 1, losses[index], agreements[index]
