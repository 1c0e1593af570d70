"""The training function: one network on every worker, after Horovod's recipe.

The recipe (https://horovod.readthedocs.io/en/stable/pytorch.html): start Horovod, pin one GPU per
process by local rank, give each worker its shard, multiply the learning rate by the number of
workers, average the gradients in the optimizer, broadcast the first worker's parameters and
optimizer state, and let only the first worker write. Under torch's own library it is the same
function with another group of workers.
"""

import logging
import math

import torch

from throughline.distributed.checkpoint import (
    Progressed,
    on_cpu,
    read_checkpoint,
    save_checkpoint,
)
from throughline.distributed.collective import average_statistics, same_everywhere, weighted_mean
from throughline.distributed.device import take_device
from throughline.distributed.epoch import Steps
from throughline.distributed.evaluation import (
    evaluate,
    label_statistics,
    shard_of_validation,
)
from throughline.distributed.group import Group
from throughline.distributed.job import EpochRecord, TrainingJob, TrainingResult
from throughline.distributed.job_folder import CHECKPOINT, RESULT, JobFolder
from throughline.distributed.learner import Learner, new_learner
from throughline.distributed.loader import TrainingLoader, ordered_batches
from throughline.distributed.progress import Progress
from throughline.distributed.shards import plan_shards, row_group_rows
from throughline.errors import UserError
from throughline.models.network_libraries import new_network

logger = logging.getLogger(__name__)


def train(job: TrainingJob, group: Group) -> TrainingResult:
    """Trains a network as one of the workers of a group.

    Every worker calls it with the same job. The first one writes the checkpoint, the result and
    the metrics; all return the same result.

    Raises:
        UserError: The data cannot be divided among the workers or cannot be read by a network, the
            checkpoint is of another one or cannot be written, or the loss is no longer a number;
            the last good checkpoint stays.
    """
    device = take_device(job.library, group, job.threads)
    result = _Training(job, group, device).run()
    if group.rank == 0:
        JobFolder(job.output).write(RESULT, result.model_dump_json(indent=1).encode() + b"\n")
    return result


class _Training:
    """One worker's part of a training."""

    def __init__(self, job: TrainingJob, group: Group, device: torch.device) -> None:
        self.job, self.group, self.device = job, group, device
        self.folder = JobFolder(job.output)
        self.plan = plan_shards(row_group_rows(job.train), group.size, job.batch_size)
        self.validation = row_group_rows(job.validation)
        if not sum(self.validation):
            raise UserError(f"The validation folder {job.validation} has no rows; run prep again.")
        if group.rank == 0:
            self._say_if_batches_are_small()
        torch.manual_seed(job.seed)
        self.network = new_network(job.library, job.layout, job.network)
        self.at = self._earlier()
        self.resumed_after = self.at.epoch
        self.learner = self._learner()
        self.progress = Progress(job, self.plan.steps, self.at.epoch, speaks=group.rank == 0)
        logger.info(
            "worker %d of %d on %s (%s), %d rows in %d steps",
            *(group.rank, group.size, self.learner.device_name, self.learner.precision),
            *(self.plan.rows[group.rank], self.plan.steps),
        )

    def run(self) -> TrainingResult:
        """Trains until the last epoch, or until the validation loss stops improving."""
        if self._is_over():
            logger.warning(
                "nothing is left to train: %d epochs ran, the best was %d; ask for more epochs, or "
                "for more patience",
                *(self.at.epoch, self.at.best_record.epoch),
            )
        else:
            steps = Steps(self.learner, self.job, self.plan, self.progress)
            with self._loader() as loader:
                while not self._is_over():
                    self._epoch(loader, steps, self.at.epoch + 1)
        return self._result()

    def _say_if_batches_are_small(self) -> None:
        shard = min(self.plan.rows)
        if self.job.batch_size > shard:
            logger.warning(
                "batch_size is %d and a worker has %d rows: each epoch is one step of them",
                self.job.batch_size,
                shard,
            )

    def _earlier(self) -> Progressed:
        """Where the training is already: the first worker's checkpoint, or the beginning."""
        content = self.folder.read(CHECKPOINT) if self.group.rank == 0 else None
        content = self.group.broadcast(content)
        if content is None:
            return Progressed()
        at = read_checkpoint(content, self.job)
        if self.group.rank == 0:
            logger.info("going on after epoch %d of the checkpoint", at.epoch)
        return at

    def _learner(self) -> Learner:
        """The network on this worker, where the training is, joined with the others'."""
        job, at = self.job, self.at
        if at.epoch:
            self.network.load_state_dict(at.weights)
        elif job.layout.task == "regression":
            spans = self.plan.spans(self.group.rank)
            batches = ordered_batches(job.train, job.layout, spans)
            self.network.set_target(*label_statistics(batches, self.group))
        optimizer = at.optimizer, at.precision
        return new_learner(job, self.network, self.group, self.device, *optimizer)

    def _loader(self) -> TrainingLoader:
        job = self.job
        return TrainingLoader(
            job.train,
            job.layout,
            self.plan,
            self.group.rank,
            job.shuffle_rows,
            job.seed,
            done=self.at.epoch,
        )

    def _is_over(self) -> bool:
        """Whether all epochs ran, or too many without a better validation loss."""
        epoch = self.at.epoch
        if not epoch:
            return False
        since = epoch - self.at.best_record.epoch
        return epoch >= self.job.epochs or bool(self.job.patience and since >= self.job.patience)

    def _epoch(self, loader: TrainingLoader, steps: Steps, epoch: int) -> None:
        """Trains one epoch, evaluates, and keeps where the training is then."""
        # Each worker drops other activations.
        self.learner.seed((self.job.seed + 1) * 100_003 + epoch * 1_009 + self.group.rank)
        figures, own, seconds = steps.run(loader.epoch(), epoch)
        figures = self.group.sum(figures).cpu()
        losses, weights = figures[0], figures[1]
        train_loss = float(losses.sum() / weights.sum())
        self._stop_unless_finite(train_loss, epoch)
        average_statistics(self.network, self.group)
        times = {"seconds": seconds, "wait": own.wait_seconds}
        total = weighted_mean(times, own.rows, self.group)
        record = EpochRecord(
            epoch=epoch,
            train_loss=train_loss,
            validation=self._evaluate(),
            learning_rate=self.learner.rate,
            rows=sum(self.plan.rows),
            seconds=total["seconds"],
            wait_seconds=total["wait"],
            workers=self.group.gather(own),
        )
        self._stop_unless_finite(record.validation["loss"], epoch)
        self._keep(record)
        self.progress.epoch(record, self.at.best_record.epoch, figures)

    def _stop_unless_finite(self, loss: float, epoch: int) -> None:
        """Every worker has the same mean loss, so all of them stop here or none."""
        if not math.isfinite(loss):
            kept = f"epoch {self.at.epoch}" if self.at.epoch else "no epoch"
            raise UserError(
                f"The loss in epoch {epoch} is not a number any more (the last good one was of "
                f"{kept}); train again with a learning rate below {self.job.learning_rate:g}."
            )

    def _evaluate(self) -> dict[str, float]:
        group = self.group
        batches = shard_of_validation(self.job, self.validation, group.rank, group.size)
        return evaluate(self.network, batches, group, self.device)

    def _keep(self, record: EpochRecord) -> None:
        """Keeps where the training is after an epoch; the first worker writes the checkpoint."""
        self.at.history.append(record)
        if self.group.rank:
            return
        self.at.weights = on_cpu(self.network.state_dict())
        if self.at.best_record is record:
            self.at.best = self.at.weights
        self.at.optimizer = self.learner.optimizer_state()
        self.at.precision = self.learner.precision_state()
        save_checkpoint(self.folder, self.job, self.at)

    def _result(self) -> TrainingResult:
        history, best = self.at.history, self.at.best_record
        digest = same_everywhere(self.network, self.group)
        logger.info(
            "worker %d of %d ends with weights %s", self.group.rank, self.group.size, digest
        )
        seconds = sum(record.seconds for record in history)
        return TrainingResult(
            workers=self.group.size,
            epochs=len(history),
            resumed_after=self.resumed_after,
            best_epoch=best.epoch,
            best_loss=best.validation["loss"],
            history=history,
            rows_per_second=sum(record.rows for record in history) / max(seconds, 1e-9),
            wait_seconds=sum(record.wait_seconds for record in history),
            device=self.learner.device_name,
            precision=self.learner.precision,
            parameter_digest=digest,
        )
