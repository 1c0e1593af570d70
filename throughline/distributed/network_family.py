"""The family ``network``: trained by distributed workers, served as an ONNX graph."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ValidationError

from throughline.distributed.places import workers_of
from throughline.distributed.training_folder import training_folder
from throughline.errors import UserError
from throughline.models.family import Parameters, Trained, refuse_missing, with_defaults
from throughline.models.network_parameters import NetworkParameters, refused_setting
from throughline.prepared import EveryRow, PreparedTable
from throughline.recipe.candidates import Model
from throughline.recipe.recipe import Recipe
from throughline.tracking import RESUMED

if TYPE_CHECKING:
    from throughline.distributed.job import TrainingJob

logger = logging.getLogger(__name__)

FAMILY = "network"
DEVICE = "throughline.device"
"""Where the first worker computed, as a run's tag."""
_TRAINING = (
    *("epochs", "batch_size", "learning_rate", "weight_decay", "warmup_epochs", "clip_norm"),
    *("patience", "precision", "seed", "shuffle_rows", "threads", "library"),
)
"""The fields of a job that a recipe may say."""


@dataclass(frozen=True)
class Launching:
    """How a network's training is launched.

    Attributes:
        workers: How many workers.
        launcher: A launcher's name, or ``auto``.
        min_workers: How many are enough to go on when some are lost; None for all.
        resume: ``auto`` goes on with a training of the same that was ended, ``none`` starts anew,
            and a run's id starts from that run's checkpoint.
        code: Names the code and the packages; ``auto`` does not go on where others were.
    """

    workers: int
    launcher: str = "auto"
    min_workers: int | None = None
    resume: str = "auto"
    code: str = ""


class Network:
    """The network as a family that a search may try, each trial a distributed training."""

    name: ClassVar[str] = FAMILY

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The network's shape, its training, and by how many workers of which launcher."""
        from throughline.distributed.job import TrainingJob

        training = {name: TrainingJob.model_fields[name].default for name in _TRAINING}
        return {**NetworkParameters().model_dump(), **training, "workers": 2, "launcher": "auto"}

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Trains until the validation loss shows no gain for ``patience`` epochs."""
        chosen = with_defaults(self, table, parameters)
        how = Launching(workers_of(str(chosen["workers"])), chosen["launcher"], resume="none")
        return train_network(table, parameters, how, track=False)


def network_of(recipe: Recipe) -> Model:
    """The recipe's model of the family ``network``.

    Raises:
        UserError: If the recipe has none.
    """
    for model in recipe.models:
        if model.family == FAMILY:
            return model
    raise UserError(
        f"The recipe {recipe.name} has no model of the family network; "
        "add '- {family: network}' to its models."
    )


def train_network(
    table: PreparedTable, parameters: Parameters, how: Launching, *, track: bool = True
) -> Trained:
    """Trains the network and exports it.

    Args:
        table: The prepared table.
        parameters: Those that differ from the defaults.
        how: How it is launched.
        track: Whether the active run gets the training's metrics and files.

    Raises:
        UserError: If a parameter is not known or out of bounds, a feature has missing values, or
            the training stops for a reason that a user can mend.
        RuntimeError: If a worker failed; the checkpoint stays for the next training of the same.
    """
    import mlflow

    from throughline.distributed.checkpoint import load_network
    from throughline.distributed.launchers import launch
    from throughline.distributed.system_metrics import system_metrics
    from throughline.models.network_libraries import check_library
    from throughline.models.network_served import trained_network

    chosen = with_defaults(Network(), table, parameters)
    if chosen["library"] != "torch":
        _drop_unread(chosen, parameters)
    refuse_missing(FAMILY, table)
    check_library(chosen["library"])
    run = mlflow.active_run() if track else None
    run_id = run.info.run_id if run else None
    enough = how.workers if how.min_workers is None else how.min_workers
    with training_rows(table) as rows:
        job = _job(table, chosen, rows, run_id, how.code)
        where = training_folder(table.output.uri, job, how.resume, workers=how.workers, keep=track)
        with where as folder:
            job = job.model_copy(update={"output": folder.uri})
            with system_metrics(run_id):
                result = launch(job, how.workers, how.launcher, enough)
            network = load_network(folder)
            if run:
                folder.log_artifacts("training")
                mlflow.set_tag(DEVICE, result.device)
                if result.resumed_after:
                    mlflow.set_tag(RESUMED, f"after epoch {result.resumed_after}")
    figures = {
        "rows_per_second": result.rows_per_second,
        "wait_seconds": result.wait_seconds,
        "epochs_run": float(result.epochs),
        "best_epoch": float(result.best_epoch),
        "resumed_after": float(result.resumed_after),
        "validation_loss": result.best_loss,
    }
    said = {**chosen, "workers": result.workers, "launcher": how.launcher}
    said["precision"] = result.precision
    trained = trained_network(table, network, said, figures)
    trained.settled = {"epochs": result.best_epoch, "patience": None}
    return trained


def _drop_unread(chosen: dict[str, Any], given: Parameters) -> None:
    """Takes out what Keras' network does not have.

    Raises:
        UserError: It was asked for.
    """
    for name in ("norm", "residual"):
        if name in given:
            raise UserError(
                f"The network of Keras has no {name}; leave it out, or leave out library: "
                f"{chosen['library']}."
            )
        del chosen[name]


@contextmanager
def training_rows(table: PreparedTable) -> Iterator[str]:
    """The URI of the training rows as Parquet; made for the block where prep did not write it."""
    if not isinstance(table, EveryRow):
        yield table.output.url("train")
        return
    from throughline.distributed.converter import converted
    from throughline.spark import session

    spark = session()
    with converted(spark, table.on_spark(spark, "train"), f"{table.output.uri}.training") as uri:
        yield uri


def _those(chosen: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: chosen[name] for name in names if name in chosen}


def _job(
    table: PreparedTable, chosen: dict[str, Any], train: str, run_id: str | None, code: str
) -> "TrainingJob":
    from throughline.distributed.job import TrainingJob

    try:
        return TrainingJob(
            train=train,
            validation=table.output.url("validation"),
            layout=table.layout,
            network=NetworkParameters(**_those(chosen, NetworkParameters.model_fields)),
            output="",
            code=code,
            run_id=run_id,
            **_those(chosen, _TRAINING),
        )
    except ValidationError as error:
        raise refused_setting(FAMILY, error) from None
