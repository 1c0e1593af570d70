"""What the first worker tells a person and the tracking run while it trains."""

import logging
import time
from typing import Any

from throughline.distributed.job import EpochRecord, TrainingJob

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Progress lines and MLflow metrics of one training; silent on every worker but the first.

    Args:
        job: The training.
        steps: The steps of an epoch.
        speaks: Whether this worker is the first.
    """

    def __init__(self, job: TrainingJob, steps: int, speaks: bool) -> None:
        self.job, self.steps, self.speaks = job, steps, speaks
        self.started = self.last_line = time.monotonic()
        self._client: Any = None

    def step(self, epoch: int, step: int) -> None:
        """Says how far a long epoch is, at most every ten seconds; both numbers from 1."""
        now = time.monotonic()
        if self.speaks and now - self.last_line >= _SECONDS_BETWEEN_LINES:
            self.last_line = now
            logger.info(
                "epoch %d of %d: step %d of %d, %s",
                epoch,
                self.job.epochs,
                step,
                self.steps,
                self._left(epoch - 1 + step / self.steps),
            )

    def epoch(self, record: EpochRecord, best_epoch: int) -> None:
        """Says what an epoch reached, and logs it to the tracking run."""
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
        self._track(record)

    def _left(self, epochs_done: float) -> str:
        spent = time.monotonic() - self.started
        left = spent / epochs_done * (self.job.epochs - epochs_done)
        return f"at most {left:.0f} s left" if left >= 1 else "done"

    def _track(self, record: EpochRecord) -> None:
        """Logs an epoch in one request; a tracking store that fails must not end a training."""
        if self.job.run_id is None:
            return
        try:
            self._log_batch(self.job.run_id, record)
        except Exception as error:
            logger.warning("epoch %d was not logged to MLflow: %s", record.epoch, error)

    def _log_batch(self, run_id: str, record: EpochRecord) -> None:
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        self._client = self._client or MlflowClient(tracking_uri=self.job.tracking_uri)
        now = int(time.time() * 1000)
        entries = [Metric(name, v, now, record.epoch) for name, v in _metrics(record).items()]
        self._client.log_batch(run_id, metrics=entries)


def _metrics(record: EpochRecord) -> dict[str, float]:
    return {
        "train_loss": record.train_loss,
        "learning_rate": record.learning_rate,
        "rows_per_second": record.rows_per_second,
        "wait_seconds": record.wait_seconds,
        **{f"validation_{name}": value for name, value in record.validation.items()},
    }
