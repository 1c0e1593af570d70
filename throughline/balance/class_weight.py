"""``class_weight``: every training row weighs as much as its class says; no row is changed."""

import logging
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from throughline.balance.row import by_class
from throughline.errors import UserError
from throughline.features.layout import Layout
from throughline.strict import nearest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

logger = logging.getLogger(__name__)

WEIGHT = "__weight"
"""The column of the weights, float32."""


def _named(value: Any) -> Any:
    """Class names are text, whatever YAML took them for."""
    if not isinstance(value, dict):
        return value
    return {str(n).lower() if isinstance(n, bool) else str(n): v for n, v in value.items()}


Weights = (
    Literal["balanced"]
    | Annotated[
        dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]],
        BeforeValidator(_named),
        Field(min_length=1),
    ]
)


def with_weights(
    rows: "DataFrame", layout: Layout, counts: dict[int, int], weights: Weights
) -> "DataFrame":
    """Adds the column of the weights.

    ``balanced`` weighs a class ``rows / (classes * rows of the class)``, as scikit-learn does: all
    classes weigh the same together, and the mean weight is 1.

    Raises:
        UserError: If a class is not among the label's.
    """
    classes = layout.classes or ()
    if weights == "balanced":
        share = sum(counts.values()) / len(counts)
        found = [share / counts[c] if c in counts else 1.0 for c in range(len(classes))]
    else:
        for name in weights:
            if name not in classes:
                raise UserError(
                    f"The recipe's balance.class_weight names the class {name!r}, which is not "
                    f"among the training rows; {nearest(name, classes)}."
                )
        found = [float(weights.get(name, 1.0)) for name in classes]
    said = ", ".join(f"{name} {w:.4g}" for name, w in zip(classes, found, strict=True))
    logger.info("the weights of the classes: %s", said)
    return rows.withColumn(WEIGHT, by_class(layout.label, found).cast("float"))
