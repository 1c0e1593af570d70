"""The checkpoint: where a training is, with its best weights so far and the job they belong to."""

import io
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor

from throughline.distributed.job import EpochRecord, TrainingJob
from throughline.distributed.job_folder import CHECKPOINT, JobFolder
from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.models.network_libraries import new_network
from throughline.models.task_network import TaskNetwork


@dataclass
class Progressed:
    """Where a training is.

    Attributes:
        history: One record per epoch that ran.
        best: The weights of the best epoch, on the CPU.
        weights: The last weights.
        optimizer: The optimizer's state after them.
        precision: The state of the scaling of the loss.
    """

    history: list[EpochRecord] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Any] = field(default_factory=dict)
    precision: dict[str, Any] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """The number of the last epoch that ran; 0 before the first."""
        return self.history[-1].epoch if self.history else 0

    @property
    def best_record(self) -> EpochRecord:
        """The record of the epoch with the least validation loss."""
        return min(self.history, key=lambda record: record.validation["loss"])


def on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A copy of weights that goes on living while the network changes."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}


def save_checkpoint(folder: JobFolder, job: TrainingJob, at: Progressed) -> None:
    """Writes the checkpoint; the previous one stays whole until the new one is.

    Raises:
        UserError: It could not be written, for example since the disk is full.
    """
    written = io.BytesIO()
    saved = {
        "job": job.model_dump_json(),
        "history": [record.model_dump_json() for record in at.history],
        "best": at.best,
        "weights": at.weights,
        "optimizer": at.optimizer,
        "precision": at.precision,
    }
    torch.save(saved, written)
    try:
        folder.write(CHECKPOINT, written.getvalue())
    except OSError as error:
        raise UserError(
            f"The checkpoint of epoch {at.epoch} could not be written to {folder.uri} "
            f"({error.strerror or error}); the one before is whole: make room and run this again."
        ) from error


def read_checkpoint(content: bytes, job: TrainingJob) -> Progressed:
    """Reads a checkpoint to go on with ``job``.

    Raises:
        UserError: It is not whole, or it belongs to another network, other features or other rows.
    """
    saved = _loaded(content)
    before = TrainingJob.model_validate_json(saved["job"])
    differing = _differing(before.network, job.network) + _differing(before.layout, job.layout)
    if before.library != job.library:
        differing.append(f"library is {before.library!r}")
    if differing:
        raise UserError(
            f"The checkpoint is of another network (its {' and '.join(differing)}); start anew "
            "with resume=none, or ask for the network it has."
        )
    if (before.train, before.validation) != (job.train, job.validation):
        raise UserError(
            f"The checkpoint is of other rows, {before.train}; its losses and codes of categories "
            "do not belong to these: start anew with resume=none."
        )
    history = [EpochRecord.model_validate_json(text) for text in saved["history"]]
    parts = (saved[name] for name in ("best", "weights", "optimizer", "precision"))
    return Progressed(history, *parts)


def _differing(before: BaseModel, now: BaseModel) -> list[str]:
    """What differs, with the value that the checkpoint has where that is short."""
    found = []
    for name in type(now).model_fields:
        there = getattr(before, name)
        if there != getattr(now, name):
            found.append(name if isinstance(now, Layout) else f"{name} is {there!r}")
    return found


def _loaded(content: bytes) -> dict[str, Any]:
    try:
        return dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except Exception as error:
        raise UserError(
            f"The checkpoint cannot be read ({type(error).__name__}); start anew with resume=none."
        ) from error


def load_network(folder: JobFolder) -> TaskNetwork:
    """Builds the network of a folder's checkpoint with its best weights, in evaluation mode.

    Raises:
        UserError: There is no checkpoint.
    """
    content = folder.read(CHECKPOINT)
    if content is None:
        raise UserError(f"There is no checkpoint in {folder.uri}; run distributed_train first.")
    saved = _loaded(content)
    job = TrainingJob.model_validate_json(saved["job"])
    network = new_network(job.library, job.layout, job.network)
    network.load_state_dict(saved["best"])
    return network.eval()
