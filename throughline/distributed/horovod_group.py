"""Workers connected by Horovod, of which each deep learning library has a part of its own."""

import os
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from throughline.models.keras_network import keras_on
from throughline.models.network_parameters import Library


def is_elastic() -> bool:
    """Whether Horovod started this process as a worker that others may go on without."""
    return os.environ.get("HOROVOD_ELASTIC") == "1"


def horovod_part(library: Library) -> Any:
    """Horovod's part for the library in which a network is."""
    if library != "tensorflow":
        return import_module("horovod.torch")
    keras_on("tensorflow")  # before Horovod's part imports TensorFlow, and Keras with it
    return import_module("horovod.tensorflow")


class _Horovod:
    """A worker that Horovod started, connected by its part for a network's library."""

    def __init__(self, library: Library) -> None:
        self.hvd = horovod_part(library)
        self.hvd.init()
        self.rank, self.size = self.hvd.rank(), self.hvd.size()
        # For Horovod's elastic mode each worker has a host of its own, and all are this machine.
        # Its number there is the first it had: it keeps its GPU when others are lost.
        elastic = is_elastic()
        self.local_rank = int(os.environ["HOROVOD_RANK"]) if elastic else self.hvd.local_rank()

    def gather(self, value: Any) -> list[Any]:
        """Every worker's value, pickled on the way."""
        return list(self.hvd.allgather_object(value, name="gather"))

    def broadcast(self, value: Any) -> Any:
        """The first worker's value, pickled on the way."""
        return self.hvd.broadcast_object(value, root_rank=0, name="broadcast")

    def leave(self) -> None:
        """Shuts Horovod down; its background thread would go on using a core."""
        self.hvd.shutdown()


class HorovodGroup(_Horovod):
    """The workers of a network of torch's.

    It follows Horovod's recipe (https://horovod.readthedocs.io/en/stable/pytorch.html): broadcast
    the first worker's parameters and optimizer state, wrap the optimizer so that gradients are
    averaged while the backward pass goes on.
    """

    waits_in_backward = False

    def __init__(self) -> None:
        super().__init__("torch")

    def join(self, network: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """The network itself, and Horovod's ``DistributedOptimizer``."""
        hvd = self.hvd
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
        total = self.hvd.allreduce(values, op=self.hvd.Sum, name=f"sum {values.numel()}")
        agreed: Tensor = self.hvd.broadcast(total, root_rank=0, name=f"agreed {values.numel()}")
        return agreed


class TensorFlowHorovodGroup(_Horovod):
    """The workers of a network of TensorFlow's, whose learner averages gradients by itself."""

    def __init__(self) -> None:
        super().__init__("tensorflow")

    def sum(self, values: Tensor) -> Tensor:
        """The sum, as the first worker has it."""
        import tensorflow as tf

        total = self.hvd.allreduce(tf.constant(values.numpy()), op=self.hvd.Sum)
        return torch.from_numpy(self.hvd.broadcast(total, root_rank=0).numpy().copy())
