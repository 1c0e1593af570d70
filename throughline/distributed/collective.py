"""What the workers agree on; every worker must call each of these."""

import hashlib

import torch
from torch import Tensor, nn

from throughline.distributed.group import Group
from throughline.models.task_network import TaskNetwork


def weighted_mean(values: dict[str, float], weight: float, group: Group) -> dict[str, float]:
    """Averages values over the workers, each worker's weighted by its rows.

    Args:
        values: This worker's means; the names are the same on every worker.
        weight: The rows they are over; a worker without rows passes zeros and weight 0.
        group: The workers.

    Returns:
        The means over all workers' rows, the same numbers on every worker to the last bit, so that
        all take the same decisions on them.
    """
    names = sorted(values)
    parts = [values[name] * weight if weight else 0.0 for name in names]
    sums = torch.tensor([*parts, weight], dtype=torch.float64)
    total = group.sum(sums)
    return dict(zip(names, (total[:-1] / total[-1]).tolist(), strict=True))


def average_statistics(network: TaskNetwork, group: Group) -> None:
    """Averages the running statistics of batch norm over the workers, in place.

    Each worker gathers them from its own rows, and gradients do not pass through them: without
    this, workers would evaluate different networks and the checkpoint would know one shard only.
    """
    found = network.statistics()
    if not found or group.size == 1:
        return
    mean = group.sum(torch.cat([values.flatten() for values in found])) / group.size
    means = mean.split([values.numel() for values in found])
    network.set_statistics([m.view_as(v) for m, v in zip(means, found, strict=True)])


def same_everywhere(network: nn.Module, group: Group) -> str:
    """Returns the SHA-256 of the weights after checking that every worker has the same.

    Raises:
        RuntimeError: Some worker's weights differ.
    """
    digest = _digest(network.state_dict())
    digests = group.gather(digest)
    if len(set(digests)) > 1:
        raise RuntimeError(f"the workers' weights differ: {digests}")
    return digest


def _digest(state: dict[str, Tensor]) -> str:
    sha = hashlib.sha256()
    for name in sorted(state):
        sha.update(name.encode())
        sha.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()
