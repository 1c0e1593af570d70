"""The training function: one network on every worker, after Horovod's recipe.

The recipe (https://horovod.readthedocs.io/en/stable/pytorch.html): start Horovod, pin one GPU per
process by local rank, give each worker its shard, multiply the learning rate by the number of
workers, average the gradients in the optimizer, broadcast the first worker's parameters and
optimizer state, and let only the first worker write.
"""

import logging
import math
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from throughline.distributed.checkpoint import save_checkpoint
from throughline.distributed.collective import average_statistics, same_everywhere, weighted_mean
from throughline.distributed.evaluation import (
    evaluate,
    label_statistics,
    shard_of_validation,
)
from throughline.distributed.job import EpochRecord, TrainingJob, TrainingResult
from throughline.distributed.loader import TrainingLoader, ordered_batches
from throughline.distributed.progress import Progress
from throughline.distributed.schedule import learning_rate
from throughline.distributed.shards import plan_shards, row_group_rows
from throughline.errors import UserError
from throughline.models.network import TabularNetwork
from throughline.models.network_batch import Batch

logger = logging.getLogger(__name__)


def train(job: TrainingJob) -> TrainingResult:
    """Trains a network as one of Horovod's workers, or alone where no launcher started this.

    Every worker calls it with the same job. The first one writes the checkpoint, the result and
    the metrics; all return the same result.

    Raises:
        UserError: The data cannot be divided among the workers or cannot be read by a network, or
            the loss is no longer a number; the last good checkpoint stays.
    """
    import horovod.torch as hvd

    hvd.init()
    torch.set_num_threads(job.threads)
    Path(job.output).mkdir(parents=True, exist_ok=True)
    result = _Training(job, hvd.rank(), hvd.size(), _device(hvd.local_rank())).run()
    if hvd.rank() == 0:
        job.result.write_text(result.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return result


def _device(local_rank: int) -> torch.device:
    """One GPU per process where there are GPUs, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


class _Training:
    """One worker's part of a training."""

    def __init__(self, job: TrainingJob, rank: int, size: int, device: torch.device) -> None:
        self.job, self.rank, self.size, self.device = job, rank, size, device
        self.plan = plan_shards(row_group_rows(job.train), size, job.batch_size)
        self.validation = row_group_rows(job.validation)
        if not sum(self.validation):
            raise UserError(f"The validation folder {job.validation} has no rows; run prep again.")
        torch.manual_seed(job.seed)
        self.network = TabularNetwork(job.layout, job.network).to(device)
        self.optimizer = _distributed_optimizer(self.network, job)
        self.progress = Progress(job, self.plan.steps, speaks=rank == 0)
        self.history: list[EpochRecord] = []

    def run(self) -> TrainingResult:
        """Trains until the last epoch, or until the validation loss stops improving."""
        if self.job.layout.task == "regression":
            self._learn_target()
        # From here on each worker drops other activations.
        torch.manual_seed(self.job.seed + 1 + self.rank)
        best: EpochRecord | None = None
        with self._loader() as loader:
            for epoch in range(1, self.job.epochs + 1):
                record = self._epoch(loader, epoch)
                if best is None or record.validation["loss"] < best.validation["loss"]:
                    best = record
                    self._save(epoch)
                self.progress.epoch(record, best.epoch)
                if self.job.patience and epoch - best.epoch >= self.job.patience:
                    break
        return self._result(best)

    def _loader(self) -> TrainingLoader:
        job = self.job
        return TrainingLoader(
            job.train, job.layout, self.plan, self.rank, job.shuffle_rows, job.seed
        )

    def _epoch(self, loader: TrainingLoader, epoch: int) -> EpochRecord:
        """Trains one epoch and evaluates; all figures are over all workers."""
        started = time.monotonic()
        batches = _Timed(loader.epoch())
        loss, weight, rows = self._steps(batches, epoch)
        seconds = time.monotonic() - started
        means = {"loss": loss / rows, "weight": weight / rows}
        times = {"seconds": seconds, "wait": batches.seconds}
        total = weighted_mean({**means, **times}, rows, self.device)
        train_loss = total["loss"] / total["weight"]
        self._stop_unless_finite(train_loss, epoch)
        average_statistics(self.network)
        record = EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            validation=self._evaluate(),
            learning_rate=self.optimizer.param_groups[0]["lr"],
            rows=sum(self.plan.rows),
            seconds=total["seconds"],
            wait_seconds=total["wait"],
        )
        self._stop_unless_finite(record.validation["loss"], epoch)
        self.history.append(record)
        return record

    def _steps(self, batches: Iterable[Batch], epoch: int) -> tuple[float, float, int]:
        """Makes an epoch's steps; returns this worker's sums: losses, weights, rows."""
        self.network.train()
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        weight = torch.zeros_like(total)
        rows = 0
        for step, batch in enumerate(batches, start=1):
            self._set_learning_rate((epoch - 1) * self.plan.steps + step - 1)
            batch = batch.to(self.device)
            self.optimizer.zero_grad()
            logits = self.network(batch.numeric, batch.categories)
            loss = self.network.loss(logits, batch.label, batch.weight)
            loss.backward()
            self.optimizer.step()
            total += loss.detach() * batch.rows
            weight += batch.total_weight
            rows += batch.rows
            self.progress.step(epoch, step)
        return float(total), float(weight), rows

    def _set_learning_rate(self, step: int) -> None:
        warmup = self.job.warmup_epochs * self.plan.steps
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.job.learning_rate, self.size, step, warmup)

    def _stop_unless_finite(self, loss: float, epoch: int) -> None:
        """Every worker has the same mean loss, so all of them stop here or none."""
        if not math.isfinite(loss):
            kept = f"epoch {self.history[-1].epoch}" if self.history else "no epoch"
            raise UserError(
                f"The loss in epoch {epoch} is not a number any more (the last good one was of "
                f"{kept}); train again with a learning rate below {self.job.learning_rate:g}."
            )

    def _evaluate(self) -> dict[str, float]:
        batches = shard_of_validation(self.job, self.validation, self.rank, self.size)
        return evaluate(self.network, batches, self.device)

    def _learn_target(self) -> None:
        rows = self.plan.rows[self.rank]
        batches = ordered_batches(self.job.train, self.job.layout, self.rank, self.size, rows)
        self.network.set_target(*label_statistics(batches, self.device))

    def _save(self, epoch: int) -> None:
        if self.rank == 0:
            save_checkpoint(self.network, self.job, epoch)

    def _result(self, best: EpochRecord | None) -> TrainingResult:
        if best is None:
            raise RuntimeError("no epoch ran")
        digest = same_everywhere(self.network)
        logger.info("worker %d of %d ends with weights %s", self.rank, self.size, digest)
        seconds = sum(record.seconds for record in self.history)
        return TrainingResult(
            workers=self.size,
            epochs=len(self.history),
            best_epoch=best.epoch,
            best_loss=best.validation["loss"],
            history=self.history,
            rows_per_second=sum(record.rows for record in self.history) / max(seconds, 1e-9),
            wait_seconds=sum(record.wait_seconds for record in self.history),
            checkpoint=str(self.job.checkpoint),
            parameter_digest=digest,
        )


def _distributed_optimizer(network: TabularNetwork, job: TrainingJob) -> Any:
    """AdamW that averages gradients over the workers, started alike on all of them."""
    import horovod.torch as hvd

    optimizer = torch.optim.AdamW(
        network.parameters(), lr=job.learning_rate, weight_decay=job.weight_decay
    )
    hvd.broadcast_parameters(network.state_dict(), root_rank=0)
    hvd.broadcast_optimizer_state(optimizer, root_rank=0)
    return hvd.DistributedOptimizer(optimizer, named_parameters=network.named_parameters())


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
