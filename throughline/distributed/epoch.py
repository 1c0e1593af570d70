"""One epoch's steps on one worker."""

import time
from collections.abc import Iterator

import torch
from torch import Tensor

from throughline.distributed.job import TrainingJob, WorkerRecord
from throughline.distributed.learner import Learner
from throughline.distributed.progress import Progress
from throughline.distributed.schedule import learning_rate
from throughline.distributed.shards import ShardPlan
from throughline.models.network_batch import Batch


class Steps:
    """Makes the steps of an epoch and keeps their figures.

    Args:
        learner: What learns.
        job: The training.
        plan: The shards.
        progress: Is told of every step.
    """

    def __init__(
        self, learner: Learner, job: TrainingJob, plan: ShardPlan, progress: Progress
    ) -> None:
        self._learner, self._job, self._plan, self._progress = learner, job, plan, progress
        self._shares = plan.shares(learner.group.rank)

    def run(self, batches: Iterator[Batch], epoch: int) -> tuple[Tensor, WorkerRecord, float]:
        """Makes the steps of an epoch.

        Args:
            batches: This worker's, as many as the plan has steps.
            epoch: Its number, from 1.

        Returns:
            Sums over this worker's rows for each step, float64 [4, steps]: losses, weights,
            agreement, rows. What this worker did. The seconds it took.
        """
        learner = self._learner
        learner.network.train()
        figures = torch.zeros(4, self._plan.steps, dtype=torch.float64, device=learner.device)
        timed = _Timed(batches)
        waited = 0.0
        started = time.monotonic()
        for step, batch in enumerate(timed):
            learner.rate = self._learning_rate((epoch - 1) * self._plan.steps + step)
            here = batch.to(learner.device)
            waited += self._step(here, self._shares[step], figures[:, step])
            self._progress.step(epoch, step + 1)
        rows = int(figures[3].sum())  # waits for the GPU, where there is one
        seconds = time.monotonic() - started
        # A GPU computes while its process goes on: there, what is waited for cannot be told apart.
        own = max(seconds - waited, 0.0) if learner.device_name == "cpu" else seconds
        record = WorkerRecord(rows=rows, wait_seconds=timed.seconds, own_seconds=own)
        return figures, record, seconds

    def _step(self, batch: Batch, share: float, figures: Tensor) -> float:
        """Makes a step, writes its figures and returns the seconds that others were waited for."""
        network = self._learner.network
        made = self._learner.step(batch, share)
        with torch.no_grad():
            figures[0] = made.loss * batch.rows
            figures[1] = batch.total_weight
            figures[2] = network.agreement(made.logits, batch.label) * batch.rows
            figures[3] = batch.rows
        return made.waited

    def _learning_rate(self, step: int) -> float:
        job = self._job
        warmup = job.warmup_epochs * self._plan.steps
        return learning_rate(job.learning_rate, self._learner.group.size, step, warmup)


class _Timed:
    """Counts the seconds that a loop waits for the next item."""

    def __init__(self, items: Iterator[Batch]) -> None:
        self.items, self.seconds = items, 0.0

    def __iter__(self) -> Iterator[Batch]:
        while True:
            started = time.monotonic()
            batch = next(self.items, None)
            self.seconds += time.monotonic() - started
            if batch is None:
                return
            yield batch
