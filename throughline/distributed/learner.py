"""What learns in a training, and how a step of it is made: one class per library."""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from throughline.distributed.group import Group
from throughline.distributed.job import TrainingJob
from throughline.models.network_batch import Batch
from throughline.models.task_network import TaskNetwork


@dataclass(frozen=True)
class Step:
    """A step that was made.

    Attributes:
        loss: The mean loss of this worker's rows, a scalar.
        logits: Of these rows, float32 [n, outputs].
        waited: The seconds that other workers were waited for.
    """

    loss: Tensor
    logits: Tensor
    waited: float


class Learner(Protocol):
    """A network, the optimizer that changes it, and the workers that share both.

    Attributes:
        network: The network.
        group: The workers.
        device: Where batches have to be.
        device_name: Where it computes: ``cpu``, or a GPU's name.
        precision: Of the arithmetic.
        rate: The learning rate.
    """

    network: TaskNetwork
    group: Group
    device: torch.device
    device_name: str
    precision: str
    rate: float

    def step(self, batch: Batch, share: float) -> Step:
        """Makes a step by the mean of all workers' gradients.

        Args:
            batch: This worker's rows.
            share: The weight of their mean loss among the workers'.
        """
        ...

    def seed(self, seed: int) -> None:
        """Draws what is random in the next steps, such as dropped activations, from a seed."""
        ...

    def optimizer_state(self) -> dict[str, Any]:
        """What a resumed training needs of the optimizer, as torch can save it."""
        ...

    def precision_state(self) -> dict[str, Any]:
        """What it needs of the scaling of the loss; empty where nothing is scaled."""
        ...


def new_learner(
    job: TrainingJob,
    network: TaskNetwork,
    group: Group,
    device: torch.device,
    optimizer: dict[str, Any],
    precision: dict[str, Any],
) -> Learner:
    """The learner of a job's network, joined with the other workers'.

    Args:
        job: The training.
        network: The network, with the weights that it begins or goes on with.
        group: The workers, of the job's library.
        device: Where batches will be.
        optimizer: The optimizer's state to go on with; empty at the beginning.
        precision: Likewise, of the scaling of the loss.

    Raises:
        UserError: The library cannot train in the precision that is asked for.
    """
    if job.library == "tensorflow":
        from throughline.distributed.tensorflow_learner import TensorFlowLearner

        return TensorFlowLearner(job, network, group, device, optimizer)
    from throughline.distributed.torch_learner import TorchLearner

    return TorchLearner(job, network, group, device, optimizer, precision)
