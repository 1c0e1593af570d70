"""A network of torch's, changed by AdamW with the mean of the workers' gradients."""

import time
from typing import Any

import torch
from torch import nn

from throughline.distributed.group import Group, TorchWorkers
from throughline.distributed.job import TrainingJob
from throughline.distributed.learner import Step
from throughline.distributed.precision import Precision
from throughline.models.network_batch import Batch
from throughline.models.task_network import TaskNetwork


class TorchLearner:
    """The learner of torch's networks; see ``Learner``.

    Args:
        job: The training.
        network: The network.
        group: The workers.
        device: Where it computes.
        optimizer: The optimizer's state to go on with; empty at the beginning.
        precision: Likewise, of the scaling of the loss.
    """

    def __init__(
        self,
        job: TrainingJob,
        network: TaskNetwork,
        group: Group,
        device: torch.device,
        optimizer: dict[str, Any],
        precision: dict[str, Any],
    ) -> None:
        if not isinstance(group, TorchWorkers):
            raise TypeError(f"{type(group).__name__} does not average gradients of torch's")
        self.group: Group = group
        self._workers, self.device = group, device
        self.network = network.to(device)
        on_gpu = device.type == "cuda"
        self.device_name = torch.cuda.get_device_name(device) if on_gpu else "cpu"
        self._precision = Precision(job.precision, device)
        self.precision = self._precision.name
        self._clip_norm = job.clip_norm
        adam: torch.optim.Optimizer = torch.optim.AdamW(
            [values for values in network.parameters() if values.requires_grad],
            lr=job.learning_rate,
            weight_decay=job.weight_decay,
        )
        if optimizer:
            adam.load_state_dict(optimizer)
            for parameters in adam.param_groups:  # a resumed training may have been given another
                parameters["weight_decay"] = job.weight_decay
            self._precision.load(precision)
        self._called, self._optimizer = group.join(self.network, adam)

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self._optimizer.param_groups[0]["lr"])

    @rate.setter
    def rate(self, rate: float) -> None:
        for parameters in self._optimizer.param_groups:
            parameters["lr"] = rate

    def step(self, batch: Batch, share: float) -> Step:
        """Makes a step; see ``Learner``."""
        precision, optimizer, workers = self._precision, self._optimizer, self._workers
        optimizer.zero_grad()
        with precision.forward():
            logits = self._called(batch.numeric, batch.categories)
            loss = self.network.loss(logits, batch.label, batch.weight)
        forward = time.monotonic()
        precision.backward(loss * share)
        backward = time.monotonic()
        workers.wait_for_gradients(optimizer)
        averaged = time.monotonic()
        precision.unscale(optimizer)
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self._clip_norm)
        with workers.stepping(optimizer):
            precision.step(optimizer)
        waited = averaged - (forward if workers.waits_in_backward else backward)
        return Step(loss.detach(), logits.detach().float(), waited)

    def seed(self, seed: int) -> None:
        """Seeds torch."""
        torch.manual_seed(seed)

    def optimizer_state(self) -> dict[str, Any]:
        """AdamW's state."""
        return dict(self._optimizer.state_dict())

    def precision_state(self) -> dict[str, Any]:
        """The state of the scaling of the loss."""
        return self._precision.state()
