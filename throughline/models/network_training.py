"""The training of a network by one process, on rows in memory."""

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from throughline.features.layout import Layout
from throughline.models.network import TabularNetwork
from throughline.models.network_batch import Batch
from throughline.models.network_parameters import (
    NetworkParameters,
    NetworkTraining,
    refused_rate,
)

_EVALUATION_ROWS = 8192
"""The rows of a batch without gradients; they bound the memory of the activations."""


@dataclass(frozen=True)
class Fitted:
    """A trained network.

    Attributes:
        network: The network with the weights of the best epoch.
        losses: The validation loss after each epoch.
    """

    network: TabularNetwork
    losses: list[float]

    @property
    def best_epoch(self) -> int:
        """The epoch of the least validation loss, from 1."""
        return self.losses.index(min(self.losses)) + 1


def fit_network(
    train: Batch,
    validation: Batch,
    layout: Layout,
    shape: NetworkParameters,
    training: NetworkTraining,
) -> Fitted:
    """Trains with AdamW until the last epoch, or until the validation loss stops improving.

    The same rows and seed give the same weights.

    Args:
        train: The training rows.
        validation: The validation rows, without weights.
        layout: Which column is what.
        shape: The network's shape.
        training: How it is trained.

    Raises:
        UserError: If the loss is no longer a number.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        network = TabularNetwork(layout, shape)
        if layout.task == "regression":
            network.set_target(float(train.label.mean()), float(train.label.std(unbiased=False)))
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        losses: list[float] = []
        best = network.state_dict()
        for epoch in range(1, training.epochs + 1):
            _epoch(network, optimizer, train, training.batch_size)
            losses.append(_loss(network, validation))
            if not math.isfinite(losses[-1]):
                raise refused_rate(epoch, training)
            fitted = Fitted(network, losses)
            if fitted.best_epoch == epoch:
                best = copy.deepcopy(network.state_dict())
            elif training.patience and epoch - fitted.best_epoch >= training.patience:
                break
    network.load_state_dict(best)
    network.eval()
    return fitted


def batches_of(rows: int, size: int) -> list[Tensor]:
    """The rows in a random order, in batches of nearly equal size, at most ``size`` rows each.

    No batch has a single row, of which batch norm cannot learn; so some have one row more.
    """
    steps = max(1, min(-(-rows // size), rows // 2))
    return list(torch.randperm(rows).tensor_split(steps))


def _epoch(
    network: TabularNetwork, optimizer: torch.optim.Optimizer, train: Batch, size: int
) -> None:
    network.train()
    for index in batches_of(train.rows, size):
        batch = train.take(index)
        optimizer.zero_grad()
        logits = network(batch.numeric, batch.categories)
        network.loss(logits, batch.label, batch.weight).backward()
        optimizer.step()


@torch.no_grad()
def _loss(network: TabularNetwork, rows: Batch) -> float:
    """The mean loss of all rows."""
    network.eval()
    total = 0.0
    for start in range(0, rows.rows, _EVALUATION_ROWS):
        batch = rows.slice(start, start + _EVALUATION_ROWS)
        logits = network(batch.numeric, batch.categories)
        total += float(network.loss(logits, batch.label)) * batch.rows
    return total / max(rows.rows, 1)
