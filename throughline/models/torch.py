"""A network of PyTorch, trained in one process."""

from typing import Any, ClassVar

from throughline.models.family import Parameters, Trained, refuse_missing, with_defaults
from throughline.models.network_parameters import (
    NetworkParameters,
    NetworkTraining,
    shape_and_training,
)
from throughline.prepared import PreparedTable


class Torch:
    """Entity embeddings beside the numbers, then hidden blocks; the family ``network``, alone.

    The rows are held in memory. The validation rows decide how many epochs there are.
    """

    name: ClassVar[str] = "torch"

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The network's shape and its training."""
        return {**NetworkParameters().model_dump(), **NetworkTraining().model_dump()}

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Trains until the validation loss shows no gain for ``patience`` epochs."""
        import pyarrow as pa

        from throughline.models.network_batch import from_arrow
        from throughline.models.network_served import trained_network
        from throughline.models.network_training import fit_network

        chosen = with_defaults(self, table, parameters)
        shape, training = shape_and_training(self.name, chosen)
        refuse_missing(self.name, table)
        layout = table.layout
        train = from_arrow(pa.table(dict(table.columns("train"))), layout)
        unweighted = layout.model_copy(update={"weight": None})
        validation = from_arrow(pa.table(dict(table.columns("validation"))), unweighted)
        fitted = fit_network(train, validation, layout, shape, training)
        figures = {
            "epochs_run": float(len(fitted.losses)),
            "best_epoch": float(fitted.best_epoch),
            "validation_loss": min(fitted.losses),
        }
        trained = trained_network(table, fitted.network, chosen, figures)
        trained.settled = {"epochs": fitted.best_epoch, "patience": None}
        return trained
