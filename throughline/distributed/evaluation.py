"""Figures over the rows of all workers: the validation metrics and the label's statistics."""

import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch

from throughline.distributed.collective import weighted_mean
from throughline.distributed.group import Group
from throughline.distributed.job import TrainingJob
from throughline.distributed.loader import ordered_batches
from throughline.distributed.shards import ShardPlan, shard_borders
from throughline.models.network_batch import Batch
from throughline.models.task_network import TaskNetwork


def shard_of_validation(
    job: TrainingJob, row_groups: Sequence[int], rank: int, size: int
) -> Iterator[Batch]:
    """Yields a worker's validation rows in order; none where there are fewer rows than workers."""
    plan = ShardPlan(tuple(row_groups), shard_borders(row_groups, size), steps=1)
    layout = job.layout.model_copy(update={"weight": None})
    return ordered_batches(job.validation, layout, plan.spans(rank))


@torch.no_grad()
def evaluate(
    network: TaskNetwork, batches: Iterable[Batch], group: Group, device: torch.device
) -> dict[str, float]:
    """Returns the metrics over the rows of all workers: loss, and accuracy or rmse.

    Every worker must call it; ``batches`` are its own rows, of which it may have none.
    """
    network.eval()
    error = "squared_error" if network.layout.task == "regression" else "accuracy"
    sums, rows = {"loss": 0.0, error: 0.0}, 0
    for batch in (batch.to(device) for batch in batches):
        logits = network(batch.numeric, batch.categories)
        for name, mean in network.metrics(logits, batch.label).items():
            sums[name] += mean * batch.rows
        rows += batch.rows
    means = {name: total / max(rows, 1) for name, total in sums.items()}
    return _in_label_units(weighted_mean(means, rows, group))


def _in_label_units(means: dict[str, float]) -> dict[str, float]:
    """The mean squared error as its root, in the label's own units."""
    error = means.pop("squared_error", None)
    return means if error is None else {**means, "rmse": math.sqrt(error)}


def label_statistics(batches: Iterable[Batch], group: Group) -> tuple[float, float]:
    """Returns the mean and standard deviation of the label over the rows of all workers.

    Two rounds, the mean and then the squares around it: a sum of squares would lose the deviation
    of a label that is far from zero.
    """
    label = np.concatenate([batch.label.numpy() for batch in batches])
    mean = weighted_mean({"mean": float(label.mean())}, len(label), group)["mean"]
    square = {"square": float(np.mean((label - mean) ** 2))}
    return mean, math.sqrt(weighted_mean(square, len(label), group)["square"])
