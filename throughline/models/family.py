"""What a model family is: it trains on a prepared table and ends as an estimator to serve."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, runtime_checkable

from throughline.errors import UserError
from throughline.models.estimator import Estimator
from throughline.prepared import PreparedTable
from throughline.splitting.splitting import PARTS
from throughline.strict import nearest

Parameters = Mapping[str, Any]

Watch = Callable[[int, float], None]
"""Told the loss on the validation rows after some rounds of a training; raises to end it."""


@dataclass
class Trained:
    """A trained candidate.

    Attributes:
        estimator: What is served.
        parameters: All parameters it was trained with, defaults included.
        importances: The features' importance, greater is more; empty if the family has none.
        log_native: Logs the model in the family's own MLflow flavor, in the active run.
        metrics: Further figures of the training (rounds, rows that the served form scores
            differently).
        settled: The parameters by which a training without validation rows would end where this
            one did; empty if the validation rows decided nothing.
        export_onnx: The model as ONNX over the narrow matrix, where it is served in another form;
            it gives None for a model that ONNX cannot tell.
    """

    estimator: Estimator
    parameters: dict[str, Any]
    importances: dict[str, float]
    log_native: Callable[[], None]
    metrics: dict[str, float] = field(default_factory=dict)
    settled: dict[str, Any] = field(default_factory=dict)
    export_onnx: Callable[[], bytes | None] | None = None


class Family(Protocol):
    """A model family; one file each, listed in :mod:`throughline.models.families`."""

    name: ClassVar[str]

    def defaults(self, table: PreparedTable) -> dict[str, Any]:
        """The parameters that a recipe may change, with values that suit the table's task."""
        ...

    def train(self, table: PreparedTable, parameters: Parameters) -> Trained:
        """Trains on the part ``train``; ``validation`` may decide when to stop.

        Raises:
            UserError: If the family cannot do the task, or the features have missing values that
                it cannot take.
        """
        ...


@runtime_checkable
class Watched(Protocol):
    """A family whose training tells how it goes."""

    def train_watched(self, table: PreparedTable, parameters: Parameters, watch: Watch) -> Trained:
        """:meth:`Family.train`, watched."""
        ...


def with_defaults(family: Family, table: PreparedTable, parameters: Parameters) -> dict[str, Any]:
    """The family's defaults, changed by ``parameters``.

    Raises:
        UserError: If the family has no such parameter.
    """
    defaults = family.defaults(table)
    for name in parameters:
        if name not in defaults:
            raise UserError(
                f"The family {family.name} has no parameter {name!r}; {nearest(name, defaults)}."
            )
    return {**defaults, **parameters}


def refuse_missing(family: str, table: PreparedTable) -> None:
    """Raises a UserError if the rows of any part have features with missing values."""
    for part in PARTS:
        if missing := table.features_with_missing(part):
            raise UserError(
                f"The family {family} cannot take missing values, and {missing[0]!r} has some in "
                f"the {part} rows; impute it in the recipe, or use the family xgboost."
            )


@contextmanager
def refused_values(family: str, refusal: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turns a library's refusal of a parameter's value, in the block, into a user's mistake."""
    try:
        yield
    except refusal as error:
        reason = next((line for line in str(error).splitlines() if "nvalid" in line), "")
        if not reason:
            raise
        reason = reason.rpartition("] ")[2].strip().rstrip(".")
        raise refused_parameters(family, reason) from None


def refused_parameters(family: str, reason: str) -> UserError:
    """The error for a parameter's value that a library refuses."""
    return UserError(
        f"The family {family} refuses its parameters ({reason}); change them in the recipe."
    )
