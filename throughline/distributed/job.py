"""What a training is asked to do and what it answers, as JSON that any launcher can pass on."""

from pathlib import Path

from pydantic import BaseModel, Field

from throughline.features.layout import Layout
from throughline.models.network_parameters import NetworkParameters, NetworkTraining


class TrainingJob(NetworkTraining):
    """One training, the same text for every worker.

    Attributes:
        train: The folder of the training rows, a path or URI, of Parquet files.
        validation: The folder of the validation rows.
        layout: Which column is what.
        network: The network's shape.
        warmup_epochs: The epochs in which the rate rises from one worker's to all workers'.
        shuffle_rows: The rows of the buffer in which a worker shuffles.
        output: A local folder for the checkpoint, the result and the workers' logs.
        run_id: The MLflow run that gets the metrics of each epoch; None for no logging.
        tracking_uri: The tracking store of that run; None for the environment's.
        threads: The threads of one worker's arithmetic.
    """

    train: str
    validation: str
    layout: Layout
    network: NetworkParameters = NetworkParameters()
    warmup_epochs: float = Field(default=1.0, ge=0)
    shuffle_rows: int = Field(default=131_072, ge=1)
    output: str
    run_id: str | None = None
    tracking_uri: str | None = None
    threads: int = Field(default=1, ge=1)

    @property
    def checkpoint(self) -> Path:
        """Where the best weights so far lie."""
        return Path(self.output) / "checkpoint.pt"

    @property
    def result(self) -> Path:
        """Where the first worker writes the result."""
        return Path(self.output) / "result.json"


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
    """

    epoch: int
    train_loss: float
    validation: dict[str, float]
    learning_rate: float
    rows: int
    seconds: float
    wait_seconds: float

    @property
    def rows_per_second(self) -> float:
        """The training rows of all workers per second."""
        return self.rows / max(self.seconds, 1e-9)


class TrainingResult(BaseModel):
    """What a training did.

    Attributes:
        workers: The number of workers.
        epochs: The epochs that ran.
        best_epoch: The epoch whose weights are in the checkpoint.
        best_loss: The validation loss of that epoch.
        history: One record per epoch.
        rows_per_second: The training rows of all workers per second of training steps.
        wait_seconds: The seconds a worker waited for data in all epochs, the mean over workers.
        checkpoint: The file of the best weights.
        parameter_digest: The SHA-256 of the last weights, the same on every worker.
    """

    workers: int
    epochs: int
    best_epoch: int
    best_loss: float
    history: list[EpochRecord]
    rows_per_second: float
    wait_seconds: float
    checkpoint: str
    parameter_digest: str
