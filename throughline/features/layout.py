"""The layout of a prepared table: which column is what, and how a model is to see it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

View = Literal["numeric", "one_hot", "one_hot_known", "ordinal", "embed"]
Task = Literal["classification", "regression"]


class Feature(BaseModel):
    """One column of the prepared table.

    Attributes:
        name: The column's name.
        kind: ``numeric`` (float32) or ``category`` (int32 codes from 0 to ``cardinality - 1``).
        cardinality: The number of codes of a category; the code of unseen values is among them.
        view: How a model sees the column: as a number, or a category widened to one-hot columns
            (``one_hot_known``: without one for the last code, that of the rest), kept as an ordered
            number, or embedded.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["numeric", "category"]
    cardinality: int | None = None
    view: View = "numeric"


class Layout(BaseModel):
    """The features of a prepared table in order, its label and its task.

    Attributes:
        features: The features, in the order in which every model sees them.
        label: The label's column: int32 (0/1 or the class's index), or float64 for regression.
        task: ``classification`` or ``regression``.
        classes: The names of the classes in the order of their indices; None for regression.
        weight: The column of the training rows' weights, float32, if they have any.
    """

    model_config = ConfigDict(frozen=True)

    features: tuple[Feature, ...]
    label: str
    task: Task
    classes: tuple[str, ...] | None = None
    weight: str | None = None

    @property
    def numeric(self) -> list[Feature]:
        """The numeric features, in order."""
        return [feature for feature in self.features if feature.kind == "numeric"]

    @property
    def categories(self) -> list[Feature]:
        """The categorical features, in order."""
        return [feature for feature in self.features if feature.kind == "category"]

    @property
    def outputs(self) -> int:
        """How many scores a model gives per row: 1, or the number of classes above two."""
        return len(self.classes) if self.classes and len(self.classes) > 2 else 1

    @property
    def binary(self) -> bool:
        """Whether the task is a classification into two classes."""
        return self.task == "classification" and self.outputs == 1
