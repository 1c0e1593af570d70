"""A network of torch's, changed by AdamW with the mean of the workers' gradients."""

import time
from typing import Any

import torch
from torch import nn

from throughline.distributed.group import Group
from throughline.distributed.job import TrainingJob
from throughline.distributed.learner import Step
from throughline.distributed.precision import Precision
from throughline.errors import UserError
from throughline.models.network_batch import Batch
from throughline.models.task_network import TaskNetwork


class TorchLearner:
    """The learner of torch's networks; see ``Learner``.

    Args:
        job: The training.
        network: The network.
        group: The workers.
        optimizer: The optimizer's state to go on with; empty at the beginning.
        precision: Likewise, of the scaling of the loss.

    Raises:
        UserError: There are fewer GPUs than workers here.
    """

    def __init__(
        self,
        job: TrainingJob,
        network: TaskNetwork,
        group: Group,
        optimizer: dict[str, Any],
        precision: dict[str, Any],
    ) -> None:
        self.group, self.device = group, _device(group.local_rank)
        self.network = network.to(self.device)
        on_gpu = self.device.type == "cuda"
        self.device_name = torch.cuda.get_device_name(self.device) if on_gpu else "cpu"
        self._precision = Precision(job.precision, self.device)
        self.precision = self._precision.name
        self._clip_norm = job.clip_norm
        adam: torch.optim.Optimizer = torch.optim.AdamW(
            [values for values in network.parameters() if values.requires_grad],
            lr=job.learning_rate,
            weight_decay=job.weight_decay,
        )
        if optimizer:
            adam.load_state_dict(optimizer)
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
        precision, optimizer, group = self._precision, self._optimizer, self.group
        optimizer.zero_grad()
        with precision.forward():
            logits = self._called(batch.numeric, batch.categories)
            loss = self.network.loss(logits, batch.label, batch.weight)
        forward = time.monotonic()
        precision.backward(loss * share)
        backward = time.monotonic()
        group.wait_for_gradients(optimizer)
        averaged = time.monotonic()
        precision.unscale(optimizer)
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self._clip_norm)
        with group.stepping(optimizer):
            precision.step(optimizer)
        waited = averaged - (forward if group.waits_in_backward else backward)
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


def _device(local_rank: int) -> torch.device:
    """One GPU per process where there are GPUs, else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise UserError(
            f"This machine has {torch.cuda.device_count()} GPUs, too few for its "
            f"{local_rank + 1} workers or more; use one worker per GPU."
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)
