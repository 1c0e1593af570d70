"""Workers connected by Horovod."""

from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer


class HorovodGroup:
    """A worker that Horovod started.

    It follows Horovod's recipe (https://horovod.readthedocs.io/en/stable/pytorch.html): broadcast
    the first worker's parameters and optimizer state, wrap the optimizer so that gradients are
    averaged while the backward pass goes on.
    """

    waits_in_backward = False

    def __init__(self) -> None:
        import horovod.torch as hvd

        hvd.init()
        self.rank, self.size, self.local_rank = hvd.rank(), hvd.size(), hvd.local_rank()

    def join(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """The network itself, and Horovod's ``DistributedOptimizer``."""
        import horovod.torch as hvd

        hvd.broadcast_parameters(network.state_dict(), root_rank=0)
        named = list(network.named_parameters())
        # One group: the workers agree once per step, not once per tensor that happens to be ready.
        distributed = hvd.DistributedOptimizer(optimizer, named_parameters=named, groups=1)
        if optimizer.state:  # else Horovod would make a step of its own to have a state to send
            distributed.load_state_dict(optimizer.state_dict())  # it began without one
            hvd.broadcast_optimizer_state(distributed, root_rank=0)
        return network, distributed

    def wait_for_gradients(self, optimizer: Any) -> None:
        """Waits for the averages that the backward pass began."""
        optimizer.synchronize()

    def stepping(self, optimizer: Any) -> AbstractContextManager[None]:
        """Without waiting for the gradients again."""
        context: AbstractContextManager[None] = optimizer.skip_synchronize()
        return context

    def sum(self, values: Tensor) -> Tensor:
        """The sum, as the first worker has it."""
        import horovod.torch as hvd

        total = hvd.allreduce(values, op=hvd.Sum, name=f"sum {values.numel()}")
        agreed: Tensor = hvd.broadcast(total, root_rank=0, name=f"agreed {values.numel()}")
        return agreed

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value, pickled on the way."""
        import horovod.torch as hvd

        return list(hvd.allgather_object(value, name="gather"))

    def broadcast(self, value: Any) -> Any:
        """The first worker's value, pickled on the way."""
        import horovod.torch as hvd

        return hvd.broadcast_object(value, root_rank=0, name="broadcast")

    def leave(self) -> None:
        """Shuts Horovod down; its background thread would go on using a core."""
        import horovod.torch as hvd

        hvd.shutdown()
