"""Workers connected by torch.distributed: Gloo on CPUs, NCCL on GPUs."""

import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class TorchGroup:
    """A worker that torchrun or Spark's ``TorchDistributor`` started.

    Source: S. Li et al., "PyTorch Distributed", arXiv:2006.15704, 2020: gradients are averaged in
    buckets while the backward pass goes on, which ends when they are.
    """

    waits_in_backward = True

    def __init__(self) -> None:
        import torch.distributed as dist

        self.local_rank = int(os.environ["LOCAL_RANK"])
        on_gpu = torch.cuda.is_available()
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def join(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """The network in torch's ``DistributedDataParallel``, and the optimizer itself.

        The first worker's parameters are sent by torch. Each worker has read the optimizer's state
        from the first one's checkpoint, or has none. Statistics of batch norm are averaged by the
        training, once an epoch.
        """
        from torch.nn.parallel import DistributedDataParallel

        with warnings.catch_warnings():
            # The newer name of this setting is not known to the torch of Databricks' runtimes.
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(network, broadcast_buffers=False), optimizer

    def wait_for_gradients(self, optimizer: Any) -> None:
        """The backward pass has waited."""

    def stepping(self, optimizer: Any) -> AbstractContextManager[None]:
        """Nothing special."""
        return nullcontext()

    def sum(self, values: Tensor) -> Tensor:
        """The sum, as the first worker has it."""
        import torch.distributed as dist

        total = values.clone()
        dist.all_reduce(total)
        dist.broadcast(total, src=0)
        return total

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value, pickled on the way."""
        import torch.distributed as dist

        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def broadcast(self, value: Any) -> Any:
        """The first worker's value, pickled on the way."""
        import torch.distributed as dist

        values = [value]
        dist.broadcast_object_list(values, src=0)
        return values[0]

    def leave(self) -> None:
        """Ends the process group."""
        import torch.distributed as dist

        dist.destroy_process_group()
