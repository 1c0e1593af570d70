"""The checkpoint: the best weights so far, with the job they belong to."""

import os
from pathlib import Path

import torch

from throughline.distributed.job import TrainingJob
from throughline.errors import UserError
from throughline.models.network import TabularNetwork


def save_checkpoint(network: TabularNetwork, job: TrainingJob, epoch: int) -> None:
    """Writes the checkpoint of a job; the previous one stays whole until the new one is."""
    draft = job.checkpoint.with_suffix(".draft")
    state = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
    torch.save({"weights": state, "job": job.model_dump_json(), "epoch": epoch}, draft)
    os.replace(draft, job.checkpoint)


def load_network(path: str | Path) -> TabularNetwork:
    """Builds the network of a checkpoint on the CPU, in evaluation mode.

    Raises:
        UserError: There is no checkpoint at ``path``.
    """
    if not Path(path).is_file():
        raise UserError(f"There is no checkpoint at {path}; run distributed_train first.")
    saved = torch.load(path, map_location="cpu", weights_only=True)
    job = TrainingJob.model_validate_json(saved["job"])
    network = TabularNetwork(job.layout, job.network)
    network.load_state_dict(saved["weights"])
    return network.eval()
