"""Which of the columns that come out of the ops become features."""

from pydantic import BaseModel

from throughline.errors import UserError
from throughline.features.layout import Task
from throughline.features.op import Kind
from throughline.strict import nearest


class FeatureSelection(BaseModel):
    """What a prepared table is to hold.

    Attributes:
        label: The label's column.
        task: ``classification`` or ``regression``.
        classes: The classes' names; None for regression.
        features: The features asked for; None takes every number and category there is.
        excluded: Columns that are never features (the key, the label).
    """

    label: str
    task: Task
    classes: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    excluded: frozenset[str] = frozenset()

    def features_among(self, schema: dict[str, Kind]) -> list[str]:
        """The names of the features, given the columns after the last op.

        Raises:
            UserError: If a feature is not there, cannot be one, or none is left.
        """
        usable = {
            name: kind
            for name, kind in schema.items()
            if kind in ("number", "boolean", "category") and name not in self.excluded
        }
        for name in self.features or ():
            if name not in usable:
                reason = (
                    f"it is of kind {schema[name]}; encode it first"
                    if name in schema and name not in self.excluded
                    else "the label and the key cannot be features"
                    if name in self.excluded
                    else nearest(name, usable)
                )
                raise UserError(f"The feature {name!r} does not come out of the ops: {reason}.")
        chosen = list(self.features or usable)
        if not chosen:
            raise UserError("No feature is left after the ops; encode or keep some columns.")
        return chosen
