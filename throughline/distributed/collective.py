"""What the workers agree on, through Horovod; every worker must call each of these.

Horovod is imported when it is first needed: reading a result or a layout must not pay for it.
"""

import hashlib
from typing import Any

import torch
from torch import Tensor, nn


def weighted_mean(
    values: dict[str, float], weight: float, device: torch.device
) -> dict[str, float]:
    """Averages values over the workers, each worker's weighted by its rows.

    Args:
        values: This worker's means; the names are the same on every worker.
        weight: The rows they are over; a worker without rows passes zeros and weight 0.
        device: Where this worker's tensors live.

    Returns:
        The means over all workers' rows, the same numbers on every worker to the last bit, so that
        all take the same decisions on them.
    """
    import horovod.torch as hvd

    names = sorted(values)
    parts = [values[name] * weight if weight else 0.0 for name in names]
    sums = torch.tensor([*parts, weight], dtype=torch.float64, device=device)
    total = hvd.broadcast(hvd.allreduce(sums, op=hvd.Sum, name="means"), root_rank=0, name="agreed")
    return dict(zip(names, (total[:-1] / total[-1]).tolist(), strict=True))


def average_statistics(network: nn.Module) -> None:
    """Averages the running statistics of batch norm over the workers.

    Each worker gathers them from its own rows, and gradients do not pass through them: without
    this, workers would evaluate different networks and the checkpoint would know one shard only.
    """
    import horovod.torch as hvd

    buffers = [b for b in network.buffers() if b.dtype == torch.float32]
    if not buffers:
        return
    mean = hvd.allreduce(torch.cat([b.flatten() for b in buffers]), op=hvd.Average, name="norm")
    for buffer, values in zip(buffers, mean.split([b.numel() for b in buffers]), strict=True):
        buffer.copy_(values.view_as(buffer))


def same_everywhere(network: nn.Module) -> str:
    """Returns the SHA-256 of the weights after checking that every worker has the same.

    Raises:
        RuntimeError: Some worker's weights differ.
    """
    import horovod.torch as hvd

    digest = _digest(network.state_dict())
    digests: list[Any] = hvd.allgather_object(digest, name="digests")
    if len(set(digests)) > 1:
        raise RuntimeError(f"the workers' weights differ: {digests}")
    return digest


def _digest(state: dict[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name in sorted(state):
        sha.update(name.encode())
        sha.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()
