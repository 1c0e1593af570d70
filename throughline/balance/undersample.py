"""``undersample``: rows of the larger classes are left out at random."""

from typing import TYPE_CHECKING

from pydantic import Field

from throughline.balance.row import by_class, drawn
from throughline.features.layout import Layout
from throughline.strict import Strict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Undersample(Strict):
    """Brings larger classes down to about the smallest one's rows, divided by ``ratio``.

    Whether a row stays depends on its key and the seed alone.
    """

    ratio: float = Field(default=1.0, gt=0, le=1, description="Smallest class to a larger one.")
    seed: int = 7

    def apply(self, rows: "DataFrame", layout: Layout, counts: dict[int, int]) -> "DataFrame":
        """The rows that stay, given how many each class has."""
        from pyspark.sql import functions as F

        most = min(counts.values()) / self.ratio
        shares = [min(1.0, most / counts.get(c, 1)) for c in range(len(layout.classes or ()))]
        return rows.where(drawn(self.seed) / F.lit(1 << 62) < by_class(layout.label, shares))
