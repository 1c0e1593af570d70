"""What a training is asked to do and what it answers, as JSON that any launcher can pass on."""

import hashlib
from typing import Literal

from pydantic import BaseModel, Field

from throughline.features.layout import Layout
from throughline.models.network_parameters import Library, NetworkParameters, NetworkTraining

_NO_PART_OF_IT = {"output", "run_id", "threads"}
"""A training that differs in these only goes on with the checkpoint of one that was ended."""


class TrainingJob(NetworkTraining):
    """One training, the same text for every worker.

    Attributes:
        train: The folder of the training rows, a path or URI, of Parquet files.
        validation: The folder of the validation rows.
        layout: Which column is what.
        network: The network's shape.
        library: In which its layers are written; those of Keras (``keras`` on torch's backend,
            ``tensorflow``) read no ``norm`` and no ``residual``.
        warmup_epochs: The epochs in which the rate rises from one worker's to all workers'.
        clip_norm: The most that the norm of all gradients together may be; None for no bound.
        precision: Of the training's arithmetic; ``auto`` mixes bfloat16 in on a GPU that has it.
        shuffle_rows: The rows of the buffer in which a worker shuffles.
        output: The folder of the checkpoint, the result and the workers' logs, a path or URI. A
            training goes on from the checkpoint that it finds there.
        code: Names the code and the packages, so that no checkpoint of others is gone on with.
        run_id: The MLflow run that gets the metrics; None for no logging. The tracking store is
            that of the worker's environment.
        threads: The threads of one worker's arithmetic.
    """

    train: str
    validation: str
    layout: Layout
    network: NetworkParameters = NetworkParameters()
    library: Library = "torch"
    warmup_epochs: float = Field(default=1.0, ge=0)
    clip_norm: float | None = Field(default=None, gt=0)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    shuffle_rows: int = Field(default=131_072, ge=1)
    output: str
    code: str = ""
    run_id: str | None = None
    threads: int = Field(default=1, ge=1)

    def digest(self) -> str:
        """A name for all trainings that end with the weights that this one would have had."""
        return hashlib.sha256(self.model_dump_json(exclude=_NO_PART_OF_IT).encode()).hexdigest()[
            :16
        ]


class WorkerRecord(BaseModel):
    """One worker's part of an epoch.

    Attributes:
        rows: The training rows it read.
        wait_seconds: How long it waited for data.
        own_seconds: The time of its steps without what it waited for other workers. Under torch's
            own library, where the backward pass waits for them, it is without that pass. On a GPU
            it is the whole time.
    """

    rows: int
    wait_seconds: float
    own_seconds: float

    @property
    def rows_per_second(self) -> float:
        """How fast it would be if it waited for no other worker."""
        return self.rows / max(self.own_seconds, 1e-9)


class EpochRecord(BaseModel):
    """One epoch's figures, over all workers.

    Attributes:
        epoch: Its number, from 1.
        train_loss: The mean loss of the training rows, weighted where they have weights, while the
            network's weights were changing.
        validation: The validation rows' metrics, ``loss`` among them.
        learning_rate: The rate of the epoch's last step.
        rows: The training rows read by all workers.
        seconds: The time of the training steps, without the validation.
        wait_seconds: The part of it that a worker waited for data, the mean over workers.
        workers: Each worker's part, by rank.
    """

    epoch: int
    train_loss: float
    validation: dict[str, float]
    learning_rate: float
    rows: int
    seconds: float
    wait_seconds: float
    workers: list[WorkerRecord] = Field(default_factory=list)

    @property
    def rows_per_second(self) -> float:
        """The training rows of all workers per second."""
        return self.rows / max(self.seconds, 1e-9)


class TrainingResult(BaseModel):
    """What a training did.

    Attributes:
        workers: The number of workers.
        epochs: The epochs that ran, those before a resume included.
        resumed_after: The epoch of the checkpoint it went on from; 0 for none.
        best_epoch: The epoch of the best weights in the checkpoint.
        best_loss: The validation loss of that epoch.
        history: One record per epoch.
        rows_per_second: The training rows of all workers per second of training steps.
        wait_seconds: The seconds a worker waited for data in all epochs, the mean over workers.
        device: Where the first worker computed: ``cpu``, or a GPU's name.
        precision: Of the training's arithmetic.
        parameter_digest: The SHA-256 of the last weights, the same on every worker.
    """

    workers: int
    epochs: int
    resumed_after: int = 0
    best_epoch: int
    best_loss: float
    history: list[EpochRecord]
    rows_per_second: float
    wait_seconds: float
    device: str = "cpu"
    precision: str = "float32"
    parameter_digest: str
