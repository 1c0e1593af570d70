"""The recipe's network: trained by distributed workers, served as an ONNX graph."""

import tempfile
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from throughline.errors import UserError
from throughline.models.family import Trained, refuse_missing
from throughline.models.network_parameters import NetworkParameters, refused_setting
from throughline.prepared import PreparedTable
from throughline.recipe.candidates import Model
from throughline.recipe.recipe import Recipe
from throughline.strict import nearest

if TYPE_CHECKING:
    from throughline.distributed.job import TrainingJob

FAMILY = "network"


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
    table: PreparedTable, model: Model, workers: int, epochs: int, launcher_name: str
) -> Trained:
    """Trains the network on ``workers`` workers and exports it.

    Raises:
        UserError: If a parameter is not known or out of bounds, a feature has missing values, or
            the training stops for a reason that a user can mend.
    """
    import mlflow

    from throughline.distributed.checkpoint import load_network
    from throughline.distributed.launchers import launcher
    from throughline.models.network_served import trained_network

    refuse_missing(FAMILY, table)
    launch = launcher(launcher_name, workers)
    run = mlflow.active_run()
    with tempfile.TemporaryDirectory(prefix="throughline-training-") as folder:
        job = _job(table, model, epochs, folder, run.info.run_id if run else None)
        result = launch(job, workers)
        network = load_network(job.checkpoint)
        mlflow.log_artifacts(folder, "training")
    figures = {
        "rows_per_second": result.rows_per_second,
        "wait_seconds": result.wait_seconds,
        "best_epoch": float(result.best_epoch),
    }
    return trained_network(table, network, {"workers": workers, **_flat(job)}, figures)


def _job(
    table: PreparedTable, model: Model, epochs: int, folder: str, run_id: str | None
) -> "TrainingJob":
    import mlflow

    from throughline.distributed.job import TrainingJob

    shape = {k: v for k, v in model.parameters.items() if k in NetworkParameters.model_fields}
    training = {k: v for k, v in model.parameters.items() if k not in shape}
    free = {"batch_size", "learning_rate", "weight_decay", "warmup_epochs", "patience", "seed"}
    for name in training:
        if name not in free:
            known = free | set(NetworkParameters.model_fields)
            raise UserError(
                f"The family network has no parameter {name!r}; {nearest(name, known)}."
            )
    try:
        return TrainingJob(
            train=table.output.url("train"),
            validation=table.output.url("validation"),
            layout=table.layout,
            network=NetworkParameters(**shape),
            epochs=epochs,
            output=folder,
            run_id=run_id,
            tracking_uri=mlflow.get_tracking_uri(),
            **training,
        )
    except ValidationError as error:
        raise refused_setting(FAMILY, error) from None


def _flat(job: "TrainingJob") -> dict[str, Any]:
    said = job.model_dump(include={"epochs", "batch_size", "learning_rate", "weight_decay", "seed"})
    return {**said, **job.network.model_dump()}
