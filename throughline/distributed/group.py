"""The workers of a training as one of them sees the others, whatever library connects them."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn
from torch.optim import Optimizer

from throughline.models.network_parameters import Library

BACKENDS = ("alone", "horovod", "torch")


class Group(Protocol):
    """What the training needs of a library for distributed training.

    All methods are collective: every worker must call them in the same order.

    Attributes:
        rank: This worker's number, from 0.
        size: The number of workers.
        local_rank: This worker's number among those of its machine.
    """

    rank: int
    size: int
    local_rank: int

    def sum(self, values: Tensor) -> Tensor:
        """The sum over the workers, the same to the last bit on all of them."""
        ...

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value, by rank."""
        ...

    def broadcast(self, value: Any) -> Any:
        """The first worker's value."""
        ...

    def leave(self) -> None:
        """Ends the connection; nothing may be called afterwards."""
        ...


@runtime_checkable
class TorchWorkers(Group, Protocol):
    """A group that averages the gradients of torch's networks. Only ``stepping`` is not collective.

    Attributes:
        waits_in_backward: Whether the backward pass itself waits for the other workers.
    """

    waits_in_backward: bool

    def join(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Gives all workers the first one's state, and has their gradients averaged from now on.

        Returns:
            What to call instead of the network, and the optimizer to use instead of this one.
        """
        ...

    def wait_for_gradients(self, optimizer: Any) -> None:
        """Waits until the gradients are those of all workers."""
        ...

    def stepping(self, optimizer: Any) -> AbstractContextManager[None]:
        """The block in which the optimizer steps, after ``wait_for_gradients``."""
        ...


class Alone:
    """One worker, which needs no library."""

    rank, size, local_rank = 0, 1, 0
    waits_in_backward = False

    def join(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """As they are."""
        return network, optimizer

    def wait_for_gradients(self, optimizer: Any) -> None:
        """There is nothing to wait for."""

    def stepping(self, optimizer: Any) -> AbstractContextManager[None]:
        """Nothing special."""
        return nullcontext()

    def sum(self, values: Tensor) -> Tensor:
        """The values."""
        return values

    def gather(self, value: Any) -> list[Any]:
        """The value."""
        return [value]

    def broadcast(self, value: Any) -> Any:
        """The value."""
        return value

    def leave(self) -> None:
        """There is nothing to end."""


@contextmanager
def group_of(backend: str, library: Library) -> Iterator[Group]:
    """Connects this worker with the others.

    Args:
        backend: One of ``BACKENDS``: ``horovod`` in a process that Horovod started, ``torch`` in
            one of torchrun's, else ``alone``.
        library: In which the network is.
    """
    group: Group
    if backend == "horovod":
        from throughline.distributed.horovod_group import HorovodGroup, TensorFlowHorovodGroup

        group = TensorFlowHorovodGroup() if library == "tensorflow" else HorovodGroup()
    elif backend == "torch":
        from throughline.distributed.torch_group import TorchGroup

        group = TorchGroup()
    else:
        group = Alone()
    yield group
    # After an error the others may wait for this worker, and an orderly end for them.
    group.leave()
